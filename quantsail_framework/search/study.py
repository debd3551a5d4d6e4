"""A pipeline with its candles, ready to be tried with other options; and one such trial."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, Literal

import attrs
import numpy as np
import numpy.typing as npt

from quantsail_framework.backtest import backtest, result_of
from quantsail_framework.config.vary import vary
from quantsail_framework.domain.result import RunResult
from quantsail_framework.engine import MarketData, load_market
from quantsail_framework.engine.market import warmup_of
from quantsail_framework.errors import InputError, QuantsailError, words
from quantsail_framework.metrics.equity import last_points_of_days
from quantsail_framework.metrics.performance import numbers
from quantsail_framework.ports.objective import Objective
from quantsail_framework.ports.runner import Pipeline

BothTouched = Literal["stop_first", "target_first"]
Status = Literal["ok", "refused", "error", "pruned"]


@attrs.frozen(eq=False)
class Study:
    """What all trials of a search share. It travels to workers once.

    ``data`` has the largest warm-up of any trial. ``objective`` scores each; None leaves the score to others.
    ``more`` are further objectives, of a search that weighs several.
    """

    pipeline: Pipeline
    data: MarketData
    objective: Objective | None = None
    both_touched: BothTouched = "stop_first"
    more: tuple[Objective, ...] = ()

    def run(self, values: Mapping[str, Any], *, breakdowns_later: bool = False) -> RunResult:
        """The backtest of the pipeline with these options. Raises what the pipeline or the engine refuses."""
        pipeline = vary(self.pipeline, values)
        data, warmup = self.data, warmup_of(pipeline)
        if warmup != data.warmup:
            data = attrs.evolve(data, warmup=warmup)
        run = backtest(pipeline, data, both_touched=self.both_touched)
        return result_of("backtest", pipeline, data, run, breakdowns_later=breakdowns_later)

    def forget(self) -> None:
        """What indicators remember of what ran before is not there for what runs next."""
        self.data.forget()

    def words(self, values: Mapping[str, Any]) -> str:
        """A trial, for messages: ``strategy.fast=5, strategy.slow=40``."""
        return ", ".join(f"{path}={value}" for path, value in values.items())

    def try_(self, values: Mapping[str, Any]) -> Trial:
        """One trial: what came of these options, in a form that is small enough to keep thousands of."""
        try:
            result = self.run(values, breakdowns_later=True)
            score = None if self.objective is None else _finite(self.objective.score(result))
            more = tuple(_finite(objective.score(result)) for objective in self.more)
        except InputError as error:  # a combination that the component itself refuses
            return Trial(dict(values), "refused", words(error))
        except QuantsailError as error:
            return Trial(dict(values), "error", words(error))
        returns = daily_returns(result, self.pipeline.capital)
        return Trial(dict(values), "ok", "", score, numbers(result.metrics), returns, more)


@attrs.frozen(eq=False)
class Trial:
    """One combination and what came of it.

    ``status``: ok, refused (a component does not take these values), error (the run broke) or pruned (given up before
    its end), with its ``reason``.
    ``score``: higher is better; None when it does not qualify. ``metrics``: plain numbers of the backtest.
    ``returns``: simple returns of UTC days, the base of what is said about luck. ``more``: the scores of the study's
    further objectives.
    """

    values: Mapping[str, Any]
    status: Status
    reason: str = ""
    score: float | None = None
    metrics: Mapping[str, float] = attrs.field(factory=dict)
    returns: npt.NDArray[np.float64] = attrs.field(factory=lambda: np.empty(0))
    more: tuple[float | None, ...] = ()


def make_study(
    pipeline: Pipeline,
    trials: Iterable[Mapping[str, Any]],
    objective: Objective | None = None,
    both_touched: BothTouched = "stop_first",
) -> Study:
    """Load the candles once for all ``trials``, with the largest warm-up that any of them declares.

    Alerts, observers, reporters and the executor of the pipeline stay behind: no trial has any.
    """
    pipeline = attrs.evolve(pipeline, alerts=(), observers=(), reporters=(), executor=None)
    warmup = warmup_of(pipeline)
    for values in trials:
        try:
            warmup = max(warmup, warmup_of(vary(pipeline, values)))
        except InputError:  # told when it is tried
            continue
    return Study(pipeline, load_market(pipeline, warmup), objective, both_touched)


def _finite(score: float | None) -> float | None:
    return None if score is None or not math.isfinite(score) else float(score)


def run_trial(values: Mapping[str, Any], study: Study) -> Trial:
    """``study.try_(values)``, as executors map it. What breaks a search is told with the trial that it arose in."""
    try:
        return study.try_(values)
    except Exception as error:
        error.add_note(f"in the trial of {study.words(values)}")
        raise


def best(trials: Iterable[Trial]) -> Trial | None:
    """The trial with the highest score, of equal ones the first; None when none qualifies."""
    scored = [trial for trial in trials if trial.score is not None]
    return max(scored, key=lambda trial: trial.score or 0.0, default=None)


def daily_returns(result: RunResult, capital: float) -> npt.NDArray[np.float64]:
    """Simple returns between the last equity points of UTC days, starting from ``capital``; of ruin on, none."""
    time, equity = result.equity["time"], result.equity["equity"]
    if not len(time):
        return np.empty(0)
    _, last = last_points_of_days(time)
    values = np.concatenate([[capital], equity[last]])
    alive = np.cumprod(values > 0.0).astype(bool)[:-1]
    returns: npt.NDArray[np.float64] = np.zeros(len(last))
    returns[alive] = values[1:][alive] / values[:-1][alive] - 1.0
    return returns
