"""The tests that run the backtest again: with other parameters, other costs, other candles."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import attrs
import numpy as np

from quantsail_framework.backtest import backtest, result_of
from quantsail_framework.domain.bars import Floats
from quantsail_framework.domain.result import RunResult
from quantsail_framework.engine.market import warmup_of
from quantsail_framework.search.study import Study, Trial
from quantsail_monte_carlo.cost_jitter import with_noisy_costs
from quantsail_monte_carlo.draws import Draws, Fan, fan_of, fan_steps
from quantsail_monte_carlo.price_path import resampled
from quantsail_monte_carlo.seeds import generator

# What an item is called that changes no option; everything that its outcome depends on is its value.
_COSTS, _PATH = "cost-jitter", "price-path"
Item = dict[str, Any]


@attrs.frozen(eq=False)
class RerunStudy(Study):
    """A study whose trials may also have noisy costs or candles that were drawn anew."""

    def run(self, values: Mapping[str, Any], *, breakdowns_later: bool = False) -> RunResult:
        """The backtest of one item."""
        pipeline, data = self.pipeline, attrs.evolve(self.data, warmup=warmup_of(self.pipeline))
        if _COSTS in values:
            pipeline = with_noisy_costs(pipeline, *values[_COSTS])
        elif _PATH in values:
            data = resampled(data, generator(values[_PATH][0], _PATH, values[_PATH][1]))
        else:
            return super().run(values, breakdowns_later=breakdowns_later)
        run = backtest(pipeline, data, both_touched=self.both_touched)
        return result_of("backtest", pipeline, data, run, breakdowns_later=breakdowns_later)


def cost_items(level: float, sigma: float, seed: int, runs: int) -> list[Item]:
    """Runs with spread and slippage at one level. The same run has the same noise at every level."""
    return [{_COSTS: [level, sigma, seed, run]} for run in range(runs)]


def path_items(seed: int, runs: int) -> list[Item]:
    """Runs over candles that were drawn anew."""
    return [{_PATH: [seed, run]} for run in range(runs)]


def draws_of(test: str, trials: Sequence[Trial], level: float = np.nan, *, fan: bool = True) -> Draws:
    """What came of the runs of one test, with their ``fan``; one that failed has neither return nor drawdown."""
    found = Draws.sized(test, len(trials), level)
    found.total_return[:] = [trial.metrics.get("total_return", np.nan) for trial in trials]
    found.max_drawdown[:] = [trial.metrics.get("max_drawdown", np.nan) for trial in trials]
    found.ruined[:] = found.total_return <= -1.0
    paths = [trial.returns for trial in trials if trial.status == "ok"]
    return found.with_fan(_fan(paths)) if fan and paths else found


def failed(trials: Iterable[Trial]) -> list[Trial]:
    """The runs of which there is no result."""
    return [trial for trial in trials if trial.status != "ok"]


def _fan(paths: Sequence[Floats]) -> Fan:
    """Equity by UTC day, from daily returns. A run that ends earlier stays where it ended."""
    steps = fan_steps(max(map(len, paths)))
    equity = np.empty((len(steps), len(paths)))
    for column, returns in enumerate(paths):
        path = np.multiply.accumulate(np.append(1.0, 1.0 + returns))
        equity[:, column] = path[np.minimum(steps, len(returns))]
    return fan_of(steps, equity)
