"""Parameter spaces: which options take which values, all combinations of them or seeded draws, within constraints."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import product
from typing import Any

import attrs
import numpy as np

from quantsail_framework.errors import PipelineError

Values = dict[str, Any]
_RANGE = {"min", "max", "step", "log", "count"}
_MOST = 10_000_000  # combinations that a grid may have: more is a slip of the pen
_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
    "==": operator.eq,
    "!=": operator.ne,
}
_CONSTRAINT = re.compile(r"(.+?)(<=|>=|==|!=|<|>)(.+)")
_TERM = re.compile(r"(?:([-+]?[\d.]+(?:e[-+]?\d+)?)\s*\*\s*)?([A-Za-z][\w.-]*)|([-+]?[\d.]+(?:e[-+]?\d+)?)", re.ASCII)


@attrs.frozen
class Dimension:
    """One parameter: its path and its values on the grid; ``low``, ``high`` and ``log`` where it is a range."""

    path: str
    values: tuple[Any, ...]
    low: float | None = None
    high: float | None = None
    log: bool = False
    whole: bool = False

    def draw(self, random: np.random.Generator) -> Any:
        """A value: of a range without a step any in it, else one of its values."""
        if self.low is None or self.high is None:
            return self.values[int(random.integers(len(self.values)))]
        if self.log:
            value = math.exp(random.uniform(math.log(self.low), math.log(self.high)))
        elif self.whole:
            return int(random.integers(int(self.low), int(self.high) + 1))
        else:
            value = float(random.uniform(self.low, self.high))
        return min(max(round(value) if self.whole else value, self.low), self.high)


@attrs.frozen
class Constraint:
    """``left <op> right``, each a number, a parameter, or a number times a parameter."""

    text: str
    left: tuple[float, str | None]
    right: tuple[float, str | None]
    compare: Callable[[Any, Any], bool]

    def holds(self, values: Mapping[str, Any]) -> bool:
        """Whether a combination keeps it."""
        return bool(self.compare(_worth(self.left, values), _worth(self.right, values)))


def _worth(term: tuple[float, str | None], values: Mapping[str, Any]) -> Any:
    factor, path = term
    if path is None:
        return factor
    return values[path] if factor == 1.0 else factor * values[path]


@attrs.frozen
class Space:
    """The parameters of a search, in the order of the file."""

    dimensions: tuple[Dimension, ...]
    constraints: tuple[Constraint, ...] = ()

    @property
    def paths(self) -> tuple[str, ...]:
        """The parameters by their dotted paths."""
        return tuple(dimension.path for dimension in self.dimensions)

    def grid(self) -> list[Values]:
        """Every combination that keeps the constraints; the last parameter changes fastest."""
        combinations = product(*(dimension.values for dimension in self.dimensions))
        every = (dict(zip(self.paths, values, strict=True)) for values in combinations)
        return [values for values in every if self.allows(values)]

    def sample(self, count: int, random: np.random.Generator) -> list[Values]:
        """Up to ``count`` different combinations that keep the constraints; fewer where there are no more."""
        found: dict[str, Values] = {}
        for _ in range(100 * count):
            if len(found) == count:
                break
            values = {dimension.path: dimension.draw(random) for dimension in self.dimensions}
            if self.allows(values):
                found.setdefault(repr(values), values)
        return list(found.values())

    def allows(self, values: Mapping[str, Any]) -> bool:
        """Whether a combination keeps every constraint."""
        return all(constraint.holds(values) for constraint in self.constraints)


def parse_space(parameters: Mapping[str, Any], constraints: Sequence[str] = (), *, grid: bool = True) -> Space:
    """A space from what the pipeline file says.

    ``parameters``: by dotted path (or tables inside tables) a list of values, or a range ``{ min, max }`` with
    ``step``, or ``log = true``, or ``count``. A range needs a step or a count where there is to be a ``grid``.
    Raises PipelineError with every problem.
    """
    problems: list[str] = []
    dimensions = []
    for path, given in _flat(parameters):
        try:
            dimensions.append(_dimension(path, given, grid=grid))
        except ValueError as error:
            problems.append(f"parameters.{path}: {error}")
    if not dimensions and not problems:
        problems.append("parameters: there are none; name at least one, such as strategy.atr_period = [10, 14, 20]")
    parsed = []
    for text in constraints:
        try:
            parsed.append(_constraint(text, [dimension.path for dimension in dimensions]))
        except ValueError as error:
            problems.append(f"constraints: {text!r}: {error}")
    size = math.prod(len(dimension.values) for dimension in dimensions)
    if grid and size > _MOST:
        problems.append(f'parameters: {size:,} combinations; draw some of them with method = "random"')
    if problems:
        raise PipelineError(problems)
    return Space(tuple(dimensions), tuple(parsed))


def _flat(tables: Mapping[str, Any], way: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in tables.items():
        path = f"{way}{name}"
        if isinstance(value, Mapping) and not (value and set(value) <= _RANGE and {"min", "max"} & set(value)):
            yield from _flat(value, f"{path}.")
        else:
            yield path, value


def _dimension(path: str, given: Any, *, grid: bool) -> Dimension:
    if isinstance(given, Mapping):
        return _range(path, given, grid=grid)
    if not isinstance(given, list | tuple):
        raise ValueError(
            f"must be a list of values, or a range such as {{ min = 10, max = 30, step = 5 }}, not {given!r}"
        )
    if not given:
        raise ValueError("is an empty list; name the values to try")
    if len({repr(value) for value in given}) < len(given):
        raise ValueError("has a value twice")
    return Dimension(path, tuple(given))


def _range(path: str, given: Mapping[str, Any], *, grid: bool) -> Dimension:
    if unknown := sorted(set(given) - _RANGE):
        raise ValueError(f"a range has min, max, step, log and count, not {', '.join(unknown)}")
    low, high = given.get("min"), given.get("max")
    for name, value in given.items():
        if name != "log" and (
            isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value)
        ):
            raise ValueError(f"{name} must be a number")
    if low is None or high is None or low > high:
        raise ValueError("needs min and max, min not above max")
    log, whole = bool(given.get("log", False)), isinstance(low, int) and isinstance(high, int)
    if log and low <= 0:
        raise ValueError("a range with log needs a min above 0")
    if "step" in given:
        return Dimension(path, _stepped(low, high, given["step"], log=log))
    if "count" in given:
        return Dimension(path, _spaced(low, high, given["count"], log=log, whole=whole))
    if grid:
        raise ValueError("a grid needs a step or a count, such as { min = 10, max = 30, step = 5 }")
    return Dimension(path, (low, high), float(low), float(high), log, whole)


def _stepped(low: float, high: float, step: float, *, log: bool) -> tuple[Any, ...]:
    """low, low + step, ... up to high; with ``log`` low, low * step, ..."""
    if step <= (1 if log else 0):
        raise ValueError(f"step must be above {1 if log else 0}")
    steps = (math.log(high / low) / math.log(step)) if log else (high - low) / step
    if steps > _MOST:
        raise ValueError(f"step {step} makes {steps:,.0f} values")
    count = math.floor(steps + 1e-9) + 1
    values = [low * step**number if log else low + number * step for number in range(count)]
    whole = all(isinstance(value, int) for value in (low, step))
    return tuple(value if whole else float(f"{value:.12g}") for value in values)


def _spaced(low: float, high: float, count: Any, *, log: bool, whole: bool) -> tuple[Any, ...]:
    """``count`` values from low to high, evenly or with even ratios; of whole numbers the nearest ones, each once."""
    if not isinstance(count, int) or not 2 <= count <= _MOST:
        raise ValueError("count must be a whole number from 2")
    even = np.geomspace(low, high, count) if log else np.linspace(low, high, count)
    values = [round(value) if whole else float(f"{value:.12g}") for value in even.tolist()]
    return tuple(dict.fromkeys(values))


def _constraint(text: str, paths: Sequence[str]) -> Constraint:
    match = _CONSTRAINT.fullmatch(text)
    if match is None:
        raise ValueError("must compare two things, such as strategy.fast < strategy.slow")
    left, right = (_term(part.strip(), paths) for part in (match[1], match[3]))
    return Constraint(text, left, right, _COMPARISONS[match[2]])


def _term(text: str, paths: Sequence[str]) -> tuple[float, str | None]:
    match = _TERM.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is neither a number, nor a parameter, nor a number times a parameter")
    factor, path, number = match.groups()
    if path is None:
        return float(number), None
    if path not in paths:
        raise ValueError(f"{path} is not among the parameters: {', '.join(paths)}")
    return float(factor or 1.0), path
