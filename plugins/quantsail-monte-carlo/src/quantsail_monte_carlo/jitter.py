"""Parameters drawn from the neighbourhood of those that were chosen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import numpy as np

from quantsail_framework.config.options import option_fields
from quantsail_framework.config.vary import option_at, vary
from quantsail_framework.errors import PipelineError
from quantsail_framework.ports.runner import Pipeline

_TRIES = 1_000  # per draw: what components refuse is drawn anew
Parameters = dict[str, Any]


def centre_of(pipeline: Pipeline, also: Sequence[str]) -> Parameters:
    """What is jittered, with its value: each numeric option of the strategy, and the options at the paths of ``also``.

    Raises PipelineError for a path that leads to no option, or to one that holds no number.
    """
    strategy = pipeline.strategy
    fields = option_fields(type(strategy)) if attrs.has(type(strategy)) else {}
    values = {f"strategy.{name}": getattr(strategy, field.name) for name, field in fields.items()}
    centre = {path: value for path, value in values.items() if _is_number(value)}
    problems: list[str] = []
    for path in also:
        try:
            centre[path] = option_at(pipeline, path)
        except PipelineError as error:
            problems += error.problems
        else:
            if not _is_number(centre[path]):
                problems.append(f"{path}: holds {centre[path]!r}; only numbers can be jittered")
    if problems:
        raise PipelineError([f"monte-carlo.jitter_also: {problem}" for problem in problems])
    return centre


def jittered(
    pipeline: Pipeline, centre: Mapping[str, Any], pct: float, draws: int, random: np.random.Generator
) -> tuple[list[Parameters], int]:
    """``draws`` sets of parameters, each uniform within +- ``pct`` percent of its centre, whole numbers rounded.

    A set that a component refuses is drawn anew; the second value counts these. Raises PipelineError when no set fits.
    """
    sets: list[Parameters] = []
    refused = 0
    for _ in range(draws):
        for _ in range(_TRIES):
            values = {path: _near(value, pct, random) for path, value in centre.items()}
            problems = _problems(pipeline, values)
            if not problems:
                break
            refused += 1
        else:
            text = f"monte-carlo.jitter_pct: of {_TRIES} draws within {pct:g} % none is accepted; lower jitter_pct"
            raise PipelineError([text, *problems])
        sets.append(values)
    return sets, refused


def _near(value: float, pct: float, random: np.random.Generator) -> float:
    moved = value * (1.0 + pct / 100.0 * random.uniform(-1.0, 1.0))
    return round(moved) if isinstance(value, int) else float(moved)


def _problems(pipeline: Pipeline, values: Mapping[str, Any]) -> tuple[str, ...]:
    try:
        vary(pipeline, values)
    except PipelineError as error:
        return error.problems
    return ()


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
