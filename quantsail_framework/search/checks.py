"""What no trial of a search could use is told before the first, with the place in the pipeline file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from quantsail_framework.config.vary import option_at, vary
from quantsail_framework.errors import PipelineError
from quantsail_framework.ports.runner import Pipeline
from quantsail_framework.search.space import Dimension, Space


def check_space(pipeline: Pipeline, space: Space, trials: Sequence[Mapping[str, Any]], table: str) -> None:
    """Raise PipelineError, with every problem, for parameters that are no option and values that no trial can have.

    A value that its component refuses beside the pipeline's other options is fine as long as it goes with the values
    of one of the ``trials``. ``table`` is that of the runner, ``sweep``.
    """
    problems = list(_nested_paths(space.paths))
    for dimension in () if problems else space.dimensions:
        problems += _problems(pipeline, dimension, trials)
    if not problems and not trials:
        text = ", ".join(constraint.text for constraint in space.constraints)
        problems.append(f"constraints: no combination of the parameters keeps them: {text}")
    if problems:
        raise PipelineError([f"{_where(pipeline, table)}{problem}" for problem in dict.fromkeys(problems)])


def _where(pipeline: Pipeline, table: str) -> str:
    """``sweep.toml:14: sweep.``, where the parameters were written."""
    origin = pipeline.origins.get(f"{table}.parameters", "default")
    return f"{table}." if origin == "default" else f"{origin}: {table}."


def _nested_paths(paths: Sequence[str]) -> Iterator[str]:
    for path in paths:
        for outer in paths:
            if path.startswith(f"{outer}."):
                yield f"parameters.{path}: lies inside of {outer}, which is a parameter too; vary one of them"


def _problems(pipeline: Pipeline, dimension: Dimension, trials: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    path = dimension.path
    try:
        option_at(pipeline, path)
    except PipelineError as error:
        yield from (f"parameters.{problem}" for problem in error.problems)
        return
    for value in dimension.values:
        refused = _refused(pipeline, {path: value})
        if refused and all(_refused(pipeline, {**trial, path: value}) for trial in trials):
            for problem in refused:
                own = problem.startswith((f"{path}: ", f"{path}."))
                yield f"parameters.{problem}" if own else f"parameters.{path}: {value!r}: {problem}"


def _refused(pipeline: Pipeline, values: Mapping[str, Any]) -> tuple[str, ...]:
    try:
        vary(pipeline, values)
    except PipelineError as error:
        return error.problems
    return ()
