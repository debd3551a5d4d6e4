"""Compares columns of two computations row by row."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

TOLERANCE = 1e-9

Column = npt.NDArray[np.float64]
Columns = Mapping[str, Column]


def first_difference(left: Columns, right: Columns) -> tuple[int, str] | None:
    """The first row in which two sets of columns differ, and the column; None when they agree.

    Numbers agree within 1e-9 of the larger one or of the column's median size; NaN agrees with NaN.
    """
    found = differences(left, right)
    return min(found, key=lambda place: place[0]) if found else None


def differences(left: Columns, right: Columns) -> list[tuple[int, str]]:
    """The first row in which each column differs, for those that do."""
    return [(row, name) for name in left for row in _differing(left[name], right[name])[:1]]


def _differing(left: Column, right: Column) -> list[int]:
    if left.shape != right.shape:
        return [0]
    size = np.fmax(np.abs(left), np.abs(right))
    known = size[np.isfinite(size)]
    floor = float(np.median(known)) if len(known) else 0.0
    with np.errstate(invalid="ignore"):
        close = np.isfinite(size) & (np.abs(left - right) <= TOLERANCE * np.fmax(size, floor))
    same = close | (left == right) | (np.isnan(left) & np.isnan(right))
    rows: list[int] = np.flatnonzero(~same).tolist()
    return rows
