"""Parameters as steps of a grid: what heat maps and the stability of a score are made of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import numpy as np

from quantsail_html.drawing import Floats, Ints
from quantsail_html.numbers import general, is_number

MOST_LEVELS = 25
_BINS = 12
REDUCE: dict[str, Callable[..., Any]] = {"best": np.max, "mean": np.mean}


@attrs.frozen(eq=False)
class Parameter:
    """The values of one parameter over the trials, as codes of its levels, which are in order."""

    path: str
    labels: tuple[str, ...]
    codes: Ints


def parameter(path: str, values: Any) -> Parameter:
    """Each distinct value is a level; of more than 25 different numbers twelve ranges of one width are."""
    listed = values.tolist()
    if not all(map(is_number, listed)):
        names = sorted({general(value) for value in listed})
        return Parameter(path, tuple(names), np.array([names.index(general(value)) for value in listed], np.int64))
    numbers = np.array(listed, np.float64)
    distinct, codes = np.unique(numbers, return_inverse=True)
    if len(distinct) <= MOST_LEVELS:
        return Parameter(path, tuple(general(_whole(value)) for value in distinct.tolist()), codes.astype(np.int64))
    edges = np.linspace(distinct[0], distinct[-1], _BINS + 1)
    codes = np.clip(np.searchsorted(edges, numbers, side="right") - 1, 0, _BINS - 1)
    return Parameter(path, tuple(f"{low:.3g}…{high:.3g}" for low, high in _pairs(edges)), codes.astype(np.int64))


def heading(path: str) -> str:
    """A path where room is short: options of the strategy by their name alone."""
    return path.removeprefix("strategy.")


def _pairs(edges: Floats) -> list[tuple[float, float]]:
    return list(zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True))


def _whole(value: float) -> float | int:
    return int(value) if value.is_integer() else value


def cells(across: Parameter, up: Parameter, scores: Floats, reduce: Callable[..., Any]) -> Floats:
    """Rows are the levels of ``up``, columns those of ``across``; the reduced scores found there, NaN without any."""
    matrix = np.full((len(up.labels), len(across.labels)), np.nan)
    known = np.isfinite(scores)
    flat = up.codes * len(across.labels) + across.codes
    for place in np.unique(flat[known]).tolist():
        matrix.flat[place] = reduce(scores[known & (flat == place)])
    return matrix


def surroundings(matrix: Floats) -> Floats:
    """Per cell the mean of the up to eight cells around it, itself left out; NaN where none of them has a score."""
    padded = np.pad(matrix, 1, constant_values=np.nan)
    rows, columns = matrix.shape
    shifts = [(down, right) for down in range(3) for right in range(3) if (down, right) != (1, 1)]
    around = np.array([padded[down : down + rows, right : right + columns] for down, right in shifts])
    known = np.isfinite(around)
    sums, sizes = np.where(known, around, 0.0).sum(axis=0), known.sum(axis=0)
    return np.where(sizes > 0, sums / np.maximum(sizes, 1), np.nan)


def neighbours_mean(parameters: list[Parameter], scores: Floats, trial: int) -> float | None:
    """Mean score of the trials that differ from ``trial`` by at most one level in every parameter; None without any."""
    near = np.isfinite(scores)
    for each in parameters:
        near &= np.abs(each.codes - each.codes[trial]) <= 1
    same = np.ones(len(scores), np.bool_)
    for each in parameters:
        same &= each.codes == each.codes[trial]
    near &= ~same
    return float(scores[near].mean()) if near.any() else None
