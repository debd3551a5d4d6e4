"""Confidence intervals by resampling: what the main metrics could have been with the same luck dealt anew.

Percentile intervals (Efron and Tibshirani, An Introduction to the Bootstrap, 1993): they say how far a figure
may be off by chance, not whether the future resembles the past. The same generator state gives the same values.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from quantsail_framework.metrics.equity import DAYS_PER_YEAR, SHORTEST_SPAN_DAYS
from quantsail_framework.metrics.undefined import NO_TRADES, ROUNDING, Undefined

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

PATHS = 2_000
CONFIDENCE = 0.95
# A resample without a losing day has no Sortino ratio. Where more than so many lack a value, so does the interval.
_MAY_LACK = 0.01
_CELLS = 500_000  # numbers in one array of the work


@attrs.frozen
class Interval:
    """From ``low`` to ``high`` in the unit of its metric: the middle ``confidence`` of the resampled values."""

    low: float
    high: float


Intervals = dict[str, Interval | Undefined]
_Statistic = Callable[[Any], Floats]


def stationary_rows(size: int, paths: int, generator: np.random.Generator, mean_block: float) -> Ints:
    """``paths`` resamples of the rows 0 to ``size`` - 1, one a line: blocks of geometric length, around the end.

    A block begins at any row with equal chance and goes on with probability 1 - 1 / ``mean_block``, so that
    what follows on each other stays together. Source: Politis and Romano, The Stationary Bootstrap, Journal
    of the American Statistical Association, 1994.
    """
    begins = generator.random((paths, size)) < 1.0 / mean_block
    begins[:, 0] = True
    column = np.arange(size)
    last = np.maximum.accumulate(np.where(begins, column, 0), axis=1)
    starts = generator.integers(0, size, (paths, size))
    rows: Ints = (np.take_along_axis(starts, last, axis=1) + column - last) % size
    return rows


def curve_intervals(
    returns: Floats,
    *,
    periods: float,
    days: float,
    generator: np.random.Generator,
    paths: int = PATHS,
    confidence: float = CONFIDENCE,
) -> Intervals:
    """Intervals of sharpe, sortino, cagr, max_drawdown and volatility, as ``metrics.equity`` defines them.

    Stationary block bootstrap of the daily ``returns`` with blocks of sqrt(n) days in the mean. ``periods``:
    returns a year; ``days``: what they span. Undefined below two returns, where all are equal, and per metric
    where over 1 % of the resamples have no value (no losing day, a span below a day); ``max_drawdown`` is seen
    at day ends, so it may lie below that of the bars.
    """
    size = returns.size
    statistics = _curve_statistics(periods, days)
    if size < 2:
        return dict.fromkeys(statistics, Undefined("fewer than two days"))
    if float(np.ptp(returns)) <= ROUNDING:
        return dict.fromkeys(statistics, Undefined("daily returns do not vary"))
    parts = (returns[stationary_rows(size, count, generator, math.sqrt(size))] for count in _portions(paths, size))
    return _intervals(statistics, parts, confidence)


def trade_intervals(
    net_pnl: Floats,
    risk: Floats,
    *,
    generator: np.random.Generator,
    paths: int = PATHS,
    confidence: float = CONFIDENCE,
) -> Intervals:
    """Intervals of profit_factor, expectancy and win_rate, as ``metrics.trades`` defines them.

    Trades are drawn one by one with replacement, as if independent. Undefined without trades; expectancy where
    a trade risked nothing; a metric where over 1 % of the resamples have no value (no losing trade).
    """
    size = net_pnl.size
    if not size:
        return dict.fromkeys(("profit_factor", "expectancy", "win_rate"), NO_TRADES)
    multiples = np.divide(net_pnl, risk, out=np.full(size, np.nan), where=risk > 0)
    by_rows: dict[str, _Statistic] = {
        "profit_factor": lambda rows: _profit_factors(net_pnl[rows]),
        "expectancy": lambda rows: np.asarray(multiples[rows].mean(axis=1)),
        "win_rate": lambda rows: np.asarray((net_pnl[rows] > 0).mean(axis=1)),
    }
    parts = (generator.integers(0, size, (count, size)) for count in _portions(paths, size))
    found = _intervals(by_rows, parts, confidence)
    if np.isnan(multiples).any():
        found["expectancy"] = Undefined("a trade without risk has no R multiple")
    return found


def _portions(paths: int, size: int) -> Iterator[int]:
    """``paths`` in numbers small enough to be held at once. Raises ValueError for none."""
    if paths < 1:
        raise ValueError(f"paths is {paths!r}; there must be at least one")
    step = max(1, _CELLS // size)
    for start in range(0, paths, step):
        yield min(step, paths - start)


def _intervals(statistics: Mapping[str, _Statistic], parts: Iterator[Any], confidence: float) -> Intervals:
    """The intervals of each statistic over all resamples, a portion of them at a time."""
    if not 0.0 < confidence < 1.0:
        raise ValueError(f"confidence is {confidence!r}; it must lie between 0 and 1")
    values: dict[str, list[Floats]] = {name: [] for name in statistics}
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):  # what has no value is sorted out below
        for part in parts:
            for name, statistic in statistics.items():
                values[name].append(statistic(part))
    return {name: _interval(np.concatenate(found), confidence) for name, found in values.items()}


def _interval(values: Floats, confidence: float) -> Interval | Undefined:
    known = values[np.isfinite(values)]
    if values.size - known.size > _MAY_LACK * values.size:
        return Undefined(f"{values.size - known.size} of {values.size} resamples have no value")
    tail = (1.0 - confidence) / 2.0
    low, high = np.quantile(known, [tail, 1.0 - tail])
    return Interval(float(low), float(high))


# --- metrics per resample: rows of returns in, one value a row out, NaN or infinity where there is none ----------


def _curve_statistics(periods: float, days: float) -> dict[str, _Statistic]:
    scale = math.sqrt(periods)
    return {
        "sharpe": lambda r: np.asarray(r.mean(axis=1) / _or_none(r.std(axis=1, ddof=1)) * scale),
        "sortino": lambda r: np.asarray(r.mean(axis=1) / _or_none(_downside(r)) * scale),
        "cagr": lambda r: _growth(r, days),
        "max_drawdown": _max_drawdowns,
        "volatility": lambda r: np.asarray(r.std(axis=1, ddof=1) * scale),
    }


def _or_none(deviation: Floats) -> Floats:
    return np.where(deviation > ROUNDING, deviation, np.nan)


def _downside(returns: Floats) -> Floats:
    return np.asarray(np.sqrt(np.square(np.minimum(returns, 0.0)).mean(axis=1)))


def _growth(returns: Floats, days: float) -> Floats:
    if days < SHORTEST_SPAN_DAYS:
        return np.full(len(returns), np.nan)
    # ln(0) is -inf and what is lost for good: -1, as for a curve that ends at zero or below.
    logs = np.log1p(np.maximum(returns, -1.0)).sum(axis=1)
    return np.asarray(np.expm1(logs * DAYS_PER_YEAR / days))


def _max_drawdowns(returns: Floats) -> Floats:
    curve = np.cumprod(np.maximum(1.0 + returns, 0.0), axis=1)
    peak = np.maximum(np.maximum.accumulate(curve, axis=1), 1.0)
    return np.asarray(np.max(1.0 - curve / peak, axis=1))


def _profit_factors(net_pnl: Floats) -> Floats:
    lost = -np.minimum(net_pnl, 0.0).sum(axis=1)
    return np.asarray(np.maximum(net_pnl, 0.0).sum(axis=1) / np.where(lost > 0, lost, np.nan))
