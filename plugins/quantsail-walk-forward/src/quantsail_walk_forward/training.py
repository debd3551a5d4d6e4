"""Trials on training ranges, and which of them a window goes on with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import attrs

from quantsail_framework.config.vary import option_at, vary
from quantsail_framework.errors import InputError, PipelineError, words
from quantsail_framework.metrics import profit_factor_ln_trades
from quantsail_framework.ports.runner import Pipeline
from quantsail_framework.search.space import Space, Values
from quantsail_framework.search.study import Study, Trial, best
from quantsail_walk_forward.windows import Window, cut

# The names under which an item holds its range, beside its parameters.
_START, _END = "train_start_ns", "train_end_ns"


@attrs.frozen(eq=False)
class RangeStudy(Study):
    """A study each of whose trials names the stretch of time that it is tried on."""

    def try_(self, values: Mapping[str, Any]) -> Trial:
        """As a backtest of that stretch, with its warm-up before it."""
        parameters = parameters_of(values)
        data = cut(self.data, values[_START], values[_END])
        if data is None:
            return Trial(dict(values), "ok", "the markets have no bars in this range")
        study = Study(self.pipeline, data, self.objective, self.both_touched)
        return attrs.evolve(study.try_(parameters), values=dict(values))


def item(window: Window, parameters: Mapping[str, Any]) -> Values:
    """Parameters to be tried on a window's training range."""
    return {_START: window.train_start_ns, _END: window.train_end_ns, **parameters}


def parameters_of(values: Mapping[str, Any]) -> Values:
    """The parameters of an item."""
    return {path: value for path, value in values.items() if path not in (_START, _END)}


def scored(trial: Trial, min_trades: int, *, by_objective: bool) -> Trial:
    """The trial with its score; None unless it qualifies: ``min_trades`` and a profit factor above 1.

    Without an objective the score is profit factor * ln(trades).
    """
    trades, factor = int(trial.metrics.get("total_trades", 0)), trial.metrics.get("profit_factor")
    gains = trial.metrics.get("winners", 0) > 0 if factor is None else factor > 1.0
    if trades < min_trades or not gains:
        return attrs.evolve(trial, score=None)
    return trial if by_objective else attrs.evolve(trial, score=profit_factor_ln_trades(factor, trades))


@attrs.frozen(eq=False)
class Choice:
    """What came of a window's training: every trial, and the one that was chosen; None means to stay flat."""

    window: Window
    trials: Sequence[Trial]
    chosen: Trial | None

    @property
    def parameters(self) -> Values | None:
        """The chosen parameters."""
        return None if self.chosen is None else parameters_of(self.chosen.values)


def choose(window: Window, trials: Iterable[Trial]) -> Choice:
    """The best of the scored ``trials``; of equal ones the first on the grid."""
    tried = list(trials)
    return Choice(window, tried, best(tried))


def checked_grid(pipeline: Pipeline, space: Space) -> list[Values]:
    """Every combination. Raises PipelineError for a path that leads to no option and for a value that never fits."""
    problems = []
    for path in space.paths:
        try:
            option_at(pipeline, path)
        except InputError as error:
            problems.append(words(error))
    if problems:
        raise PipelineError(problems)
    grid = space.grid()
    if not grid:
        raise PipelineError(["constraints: no combination of the parameters keeps them all"])
    refused = [_refusal(pipeline, values) for values in grid]
    for dimension in space.dimensions:
        for value in dimension.values:
            answers = [text for values, text in zip(grid, refused, strict=True) if values[dimension.path] == value]
            if answers and all(answers):
                problems.append(answers[0])
    if problems:
        raise PipelineError(list(dict.fromkeys(problems)))
    return grid


def _refusal(pipeline: Pipeline, values: Values) -> str:
    """Why a component does not take these values; empty when all do."""
    try:
        vary(pipeline, values)
    except InputError as error:
        return words(error)
    return ""
