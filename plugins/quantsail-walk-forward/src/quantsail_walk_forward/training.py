"""Trials on training ranges, and which of them a window goes on with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import attrs

from quantsail_framework.domain.bars import utc_text
from quantsail_framework.search.space import Values
from quantsail_framework.search.study import Study, Trial, best
from quantsail_walk_forward.windows import Window, cut

# The names under which an item holds its range, beside its parameters.
_START, _END = "train_start_ns", "train_end_ns"


@attrs.frozen(eq=False)
class RangeStudy(Study):
    """A study each of whose trials names the stretch of time that it is tried on."""

    def forget(self) -> None:
        """Nor the stretches."""
        super().forget()
        cut.cache_clear()

    def words(self, values: Mapping[str, Any]) -> str:
        """With the range as dates."""
        start, end = (utc_text(values[name]) for name in (_START, _END))
        return f"{super().words(parameters_of(values))} from {start} to {end}"

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


def qualified(trial: Trial, min_trades: int) -> Trial:
    """The trial; without ``min_trades`` or a profit factor above 1 without its score, and with the reason why."""
    if trial.status != "ok" or not trial.metrics:
        return trial
    trades, factor = int(trial.metrics["total_trades"]), trial.metrics.get("profit_factor")
    if trades < min_trades:
        return attrs.evolve(trial, score=None, reason=f"{trades} trades, needs {min_trades}")
    if trial.metrics["winners"] == 0 if factor is None else factor <= 1.0:
        return attrs.evolve(trial, score=None, reason=f"profit factor {factor or 0.0:.3g}, needs more than 1")
    return trial if trial.score is not None else attrs.evolve(trial, reason="the objective has no score for it")


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
    """The best of the ``trials`` that have a score; of equal ones the first on the grid."""
    tried = list(trials)
    return Choice(window, tried, best(tried))
