"""What a result that came out of a search owes to luck: figures that go beside its metrics.

The best of many trials looks better than it is. These say by how much: how likely its Sharpe ratio is more than what
the best of so many shows by chance, how often the best of one half of the time is no good in the other, how wide its
metrics are, and how few trades made the profit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from quantsail_framework.compiled.halves import judge_for
from quantsail_framework.domain.result import RunResult
from quantsail_framework.domain.timeframe import Timeframe
from quantsail_framework.metrics import (
    Interval,
    SharpeMoments,
    Undefined,
    Value,
    backtest_overfitting,
    best_trades_share,
    curve_intervals,
    deflated_sharpe,
    net_without_best,
    period_sharpe,
    probabilistic_sharpe,
    sharpe_moments,
    trade_intervals,
)
from quantsail_framework.metrics.equity import daily_returns, periods_per_year, span_days
from quantsail_framework.search.study import Trial

_NO_TRIALS = Undefined("fewer than two trials came to a result")
_OTHER_RANGES = Undefined("the trials ran over different ranges; the walk itself judges outside of them")
_STREAM = 0x6C75636B  # apart from what a runner draws itself

Floats = npt.NDArray[np.float64]
Measured = tuple[dict[str, Any], dict[str, str]]


def _nobody(_text: str) -> None:
    return


def luck(
    result: RunResult,
    trials: Sequence[Trial],
    *,
    capital: float,
    seed: int,
    same_range: bool = True,
    tell: Callable[[str], None] = _nobody,
) -> Measured:
    """Metrics, and why those are None that are, of a ``result`` chosen from ``trials``. ``tell`` is called before what
    takes seconds once on a machine.

    - ``trials``: how many there were
    - ``probabilistic_sharpe_ratio``: probability that the true Sharpe ratio is above 0
    - ``deflated_sharpe_ratio``: the same, above what the best of so many trials shows by luck
    - ``probability_of_overfitting``: of the search, by CSCV; needs trials over the ``same_range``
    - ``best_five_share``, ``net_without_best_five``: what the five best trades made of the profit
    - ``intervals_95``: bootstrap intervals of the main metrics by name, each ``low`` and ``high``
    """
    returns = daily_returns(result.equity["time"], result.equity["equity"], capital)
    moments = returns if isinstance(returns, Undefined) else sharpe_moments(returns)
    net = result.trades["net_pnl"]
    values: dict[str, Value] = {
        "trials": len(trials),
        "probabilistic_sharpe_ratio": moments if isinstance(moments, Undefined) else probabilistic_sharpe(moments),
        "deflated_sharpe_ratio": _deflated(moments, trials),
        "probability_of_overfitting": _overfitting(trials, tell) if same_range else _OTHER_RANGES,
        "best_five_share": best_trades_share(net),
        "net_without_best_five": net_without_best(net),
    }
    metrics: dict[str, Any] = {name: None if isinstance(v, Undefined) else v for name, v in values.items()}
    undefined = {name: value.reason for name, value in values.items() if isinstance(value, Undefined)}
    metrics["intervals_95"] = {}
    for name, interval in _intervals(result, returns, seed).items():
        if isinstance(interval, Undefined):
            metrics["intervals_95"][name], undefined[f"intervals_95.{name}"] = None, interval.reason
        else:
            metrics["intervals_95"][name] = attrs.asdict(interval)
    return metrics, undefined


def _deflated(moments: SharpeMoments | Undefined, trials: Sequence[Trial]) -> Value:
    if isinstance(moments, Undefined):
        return moments
    each = [period_sharpe(trial.returns) for trial in trials if trial.status == "ok"]
    # A trial whose returns do not vary, for it never traded, has shown no skill.
    sharpes = [0.0 if isinstance(one, Undefined) else one for one in each]
    if len(sharpes) < 2:
        return _NO_TRIALS
    return deflated_sharpe(moments, len(sharpes), float(np.var(sharpes, ddof=1)))


def _overfitting(trials: Sequence[Trial], tell: Callable[[str], None]) -> Value:
    columns = [trial.returns for trial in trials if trial.status == "ok"]
    if len(columns) < 2:
        return _NO_TRIALS
    days = min(map(len, columns))  # a longer warm-up begins later; all end together
    returns = np.column_stack([column[len(column) - days :] for column in columns])
    found = backtest_overfitting(returns, judge=judge_for(len(columns), tell))
    return found if isinstance(found, Undefined) else found.pbo


def _intervals(result: RunResult, returns: Floats | Undefined, seed: int) -> dict[str, Interval | Undefined]:
    generator = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(_STREAM,)))
    time, length = result.equity["time"], Timeframe(result.facts["timeframe"]).ns
    periods = periods_per_year(time, length)
    known = np.empty(0) if isinstance(returns, Undefined) else returns
    of_curve = curve_intervals(
        known,
        periods=1.0 if isinstance(periods, Undefined) else periods,
        days=span_days(time, length),
        generator=generator,
    )
    if isinstance(periods, Undefined):
        of_curve = dict.fromkeys(of_curve, periods)
    return {**of_curve, **trade_intervals(result.trades["net_pnl"], result.trades["risk"], generator=generator)}
