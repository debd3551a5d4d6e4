"""Whether a trial comes to the same when nothing of the others is remembered: what a search says hangs on it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence, Set

import attrs

from quantsail_framework.search.study import Study, Trial, run_trial

# Relative, and for what is zero but for rounding: a worker on another machine may round otherwise.
_SAME, _ZERO = 1e-9, 1e-9


def some_alone(study: Study, trials: Sequence[Trial]) -> list[str]:
    """A note where one of the ``trials`` comes to other figures once what indicators remember is forgotten."""
    for trial in _far([trial for trial in trials if trial.status == "ok" and trial.metrics]):
        study.forget()
        again = run_trial(trial.values, attrs.evolve(study, objective=None, more=()))
        if again.status != "ok":
            return [_unbelieved(study, trial, f"came to an end in the search, and alone did not: {again.reason}")]
        if unlike := differing(study, trial, again.metrics):
            return unlike
    return []


def differing(study: Study, trial: Trial, alone: Mapping[str, float]) -> list[str]:
    """A note where the metrics of a trial in a search are others than those of it ``alone``."""
    for name in {**trial.metrics, **alone}:
        then, now = (figures.get(name, math.nan) for figures in (trial.metrics, alone))
        if not math.isclose(then, now, rel_tol=_SAME, abs_tol=_ZERO):
            return [_unbelieved(study, trial, f"has {name} {then!r} in the search, and {now!r} alone")]
    return []


def _far(trials: Sequence[Trial]) -> Iterator[Trial]:
    """Trials that together differ from the first one in every value that varies: others may have been given what it
    left. Of a whole grid that is the last."""
    if not trials:
        return
    first = trials[0]
    same = set().union(*(_differ(trial, first, first.values.keys()) for trial in trials))
    while same:
        far = max(reversed(trials), key=lambda trial: len(_differ(trial, first, same)))
        same -= _differ(far, first, same)
        yield far


def _differ(trial: Trial, other: Trial, paths: Set[str]) -> set[str]:
    return {path for path in paths if trial.values[path] != other.values[path]}


def _unbelieved(study: Study, trial: Trial, what: str) -> str:
    return (
        f"No trial can be believed: that of {study.words(trial.values)} {what}. What the strategy answers depends on "
        "what ran before it: on a key of indicators.once that lacks an option, or on chance."
    )
