"""Whether a trial comes to the same when nothing of the others is left: what a search says hangs on it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import attrs

from quantsail_framework.search.study import Study, Trial, shown

_SAME = 1e-9  # relative: a worker on another machine may round otherwise


def last_alone(study: Study, trials: Sequence[Trial]) -> list[str]:
    """A note where the last of the ``trials`` comes to other figures with nothing left of the others.

    The last, for what the first one left may be what all others were given.
    """
    study.forget()
    last = next((trial for trial in reversed(trials) if trial.status == "ok"), None)
    unscored = attrs.evolve(study, objective=None, more=())
    return [] if last is None else differing(last, unscored.try_(last.values).metrics)


def differing(trial: Trial, alone: Mapping[str, float]) -> list[str]:
    """A note where the metrics of a trial in a search are others than those of it ``alone``."""
    for name in {**trial.metrics, **alone}:
        then, now = (figures.get(name, math.nan) for figures in (trial.metrics, alone))
        if not math.isclose(then, now, rel_tol=_SAME):
            text = (
                f"No trial can be believed: that of {shown(trial.values)} has {name} {then:g} in the search, and "
                f"{now:g} alone. What the strategy answers depends on what ran before it: on a key of "
                "indicators.once that lacks an option, on chance, or on something that it keeps."
            )
            return [text]
    return []
