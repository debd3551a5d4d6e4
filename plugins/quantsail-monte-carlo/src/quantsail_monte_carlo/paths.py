"""Equity paths made of the trades that a backtest took: in another order, drawn anew, or drawn in blocks.

Thousands of paths at once, a chunk that fits the processor's cache at a time: memory does not grow with the draws.
"""

from __future__ import annotations

from collections.abc import Callable
from math import sqrt

import numpy as np
import numpy.typing as npt

from quantsail_framework.domain.bars import Floats
from quantsail_monte_carlo.compiled import Machine, drawn
from quantsail_monte_carlo.draws import FAN_DRAWS, Draws, chunks, fan_of, fan_steps

_Sample = Callable[[int], Floats]


def shuffled(
    returns: Floats,
    draws: int,
    random: np.random.Generator,
    *,
    additive: bool = False,
    machine: Machine | None = None,
) -> Draws:
    """Every trade once, in random order: where the end is the same, what happened on the way is not.

    ``returns``: of each trade, net result / equity at its entry (``additive``: / capital, and summed up). Their
    product, or sum, does not depend on the order, so that these draws say nothing about the total return.
    ``machine``: makes the same draws sooner.
    """

    def sample(count: int) -> Floats:
        chunk = np.tile(returns, (count, 1))
        random.permuted(chunk, axis=1, out=chunk)
        return chunk

    if machine is not None:
        found = drawn(machine, "shuffle", returns, draws, random, replace=False, additive=additive)
    else:
        found = _walked("shuffle", sample, len(returns), draws, additive=additive)
    found.total_return.fill(np.nan)
    return found


def bootstrapped(
    returns: Floats,
    draws: int,
    random: np.random.Generator,
    *,
    additive: bool = False,
    machine: Machine | None = None,
) -> Draws:
    """As many trades, each drawn from all of them with replacement (Efron, Bootstrap Methods, 1979)."""
    if machine is not None:
        return drawn(machine, "bootstrap", returns, draws, random, replace=True, additive=additive)

    def sample(count: int) -> Floats:
        return returns.take(random.integers(0, len(returns), (count, len(returns))))

    return _walked("bootstrap", sample, len(returns), draws, additive=additive)


def block_bootstrapped(returns: Floats, draws: int, random: np.random.Generator, *, additive: bool = False) -> Draws:
    """As many trades, drawn in runs of neighbours of mean length sqrt(n), so that streaks stay streaks."""

    def sample(count: int) -> Floats:
        return returns.take(stationary_blocks(count, len(returns), sqrt(len(returns)), random))

    return _walked("block-bootstrap", sample, len(returns), draws, additive=additive)


def stationary_blocks(count: int, size: int, mean_length: float, random: np.random.Generator) -> npt.NDArray[np.intp]:
    """``count`` rows of ``size`` indices below ``size``: blocks that begin anywhere and go on, around the end.

    Lengths are geometric with ``mean_length``, which makes the resampled series stationary. Source: Politis and
    Romano, The Stationary Bootstrap, Journal of the American Statistical Association 89, 1994.
    """
    total = count * size
    begins = [np.arange(count, dtype=np.int64) * size]  # a row begins a block; what is left of the last is geometric
    at = 0
    while at < total:
        ends = at + np.cumsum(random.geometric(1.0 / mean_length, int(total / mean_length) + 16))
        begins.append(ends[ends < total])
        at = int(ends[-1])
    begin = np.unique(np.concatenate(begins))
    lengths = np.diff(begin, append=total)
    first = random.integers(0, size, len(begin))
    index: npt.NDArray[np.intp] = (np.arange(total) + np.repeat(first - begin, lengths)) % size
    return index.reshape(count, size)


def _walked(test: str, sample: _Sample, trades: int, draws: int, *, additive: bool) -> Draws:
    """Equity of every path as a multiple of capital, chunk by chunk, and what is kept of it."""
    steps = fan_steps(trades)
    seen = np.empty((len(steps), min(draws, FAN_DRAWS)))
    found = Draws.sized(test, draws)
    for rows in chunks(draws, trades):
        equity = equity_of(sample(rows.stop - rows.start), additive=additive)
        kept = slice(rows.start, min(rows.stop, FAN_DRAWS))
        if kept.start < kept.stop:
            seen[:, kept] = equity[: kept.stop - kept.start, steps].T
        found.total_return[rows] = equity[:, -1] - 1.0
        found.ruined[rows] = equity[:, -1] <= 0.0
        found.max_drawdown[rows] = drawdown_of(equity)
    return found.with_fan(fan_of(steps, seen))


def equity_of(returns: Floats, *, additive: bool = False) -> Floats:
    """Equity after each trade as a multiple of capital, one path per row, with 1 before the first.

    Compounded, or with ``additive`` summed. Ruin absorbs: from a step at which nothing is left on, it stays 0.
    """
    equity = np.empty((len(returns), returns.shape[1] + 1))
    equity[:, 0] = 1.0
    if additive:
        np.add.accumulate(returns, axis=1, out=equity[:, 1:])
        equity[:, 1:] += 1.0
        gone = np.logical_or.accumulate(equity <= 0.0, axis=1)
        equity[gone] = 0.0
        return equity
    np.add(returns, 1.0, out=equity[:, 1:])
    np.maximum(equity, 0.0, out=equity)
    np.multiply.accumulate(equity, axis=1, out=equity)
    return equity


def drawdown_of(equity: Floats) -> Floats:
    """The largest fall from a peak, as a fraction of it, of each path; the peak starts at the capital."""
    peak = np.maximum.accumulate(equity, axis=1)
    np.divide(equity, peak, out=peak)
    fall: Floats = 1.0 - peak.min(axis=1)
    return fall


def returns_of(net_pnl: Floats, equity_at_entry: Floats, capital: float, *, additive: bool) -> Floats:
    """What each trade earned: of the equity at its entry, or with ``additive`` of the capital.

    A trade that was entered without equity has no return; the account was ruined by then and it counts as -1.
    """
    if additive:
        return net_pnl / capital
    alive = equity_at_entry > 0.0
    return np.where(alive, net_pnl / np.where(alive, equity_at_entry, 1.0), -1.0)
