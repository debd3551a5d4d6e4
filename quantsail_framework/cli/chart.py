"""Several curves over one another in a few lines of text."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import attrs
import numpy as np
import numpy.typing as npt

SHARED = "*"  # where more than one curve passes
_HEIGHT = 12
_LABEL = 9  # characters of a label beside the chart
_NS_PER_SECOND = 1_000_000_000
_DATED_NS = 3 * 86_400 * _NS_PER_SECOND  # from this length on the time axis names days only


@attrs.frozen(eq=False)
class Curve:
    """A curve of changes (fractions) at times (ns UTC), drawn with one letter."""

    letter: str
    time: npt.NDArray[np.int64]
    change: npt.NDArray[np.float64]


def chart(curves: Sequence[Curve], width: int, height: int = _HEIGHT) -> list[str]:
    """The curves over one time axis and one scale in percent; ``width`` columns wide without the labels.

    A column shows the last value at or before its time, nothing before a curve begins or after it ends.
    No lines when there is nothing to draw.
    """
    curves = [curve for curve in curves if len(curve.time)]
    if not curves:
        return []
    start, end = (
        int(pick(edge)) for pick, edge in ((min, [c.time[0] for c in curves]), (max, [c.time[-1] for c in curves]))
    )
    columns = np.linspace(start, end, width).astype(np.int64)
    columns[-1] = end
    sampled = [_sampled(curve, columns) for curve in curves]
    low, high = float(np.nanmin(sampled)), float(np.nanmax(sampled))
    cells = [[" "] * width for _ in range(height)]
    for curve, values in zip(curves, sampled, strict=True):
        for column in np.flatnonzero(~np.isnan(values)).tolist():
            row = cells[_row(float(values[column]), low, high, height)]
            row[column] = curve.letter if row[column] in (" ", curve.letter) else SHARED
    labels = _labels(low, high, height)
    lines = [f"{label:>{_LABEL}} |{''.join(row)}".rstrip() for label, row in zip(labels, cells, strict=True)]
    return [*lines, _time_axis(start, end, width)]


def _sampled(curve: Curve, columns: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    at = curve.time.searchsorted(columns, side="right") - 1
    drawn = (at >= 0) & (columns <= curve.time[-1])
    return np.where(drawn, curve.change[np.maximum(at, 0)], np.nan)


def _row(value: float, low: float, high: float, height: int) -> int:
    """The line of a value, the highest first; the one in the middle when all values are one."""
    return round((high - value) / (high - low) * (height - 1)) if high > low else height // 2


def _labels(low: float, high: float, height: int) -> list[str]:
    """The changes at the top, at the bottom, and at no change where that lies between."""
    labels = [""] * height
    for value in (0.0, low, high) if low <= 0.0 <= high else (low, high):
        labels[_row(value, low, high, height)] = f"{value:+.1%}" if value else "0.0%"
    return labels


def _time_axis(start: int, end: int, width: int) -> str:
    form = "%Y-%m-%d" if end - start >= _DATED_NS else "%Y-%m-%d %H:%M"
    first, last = (dt.datetime.fromtimestamp(ns // _NS_PER_SECOND, dt.UTC).strftime(form) for ns in (start, end))
    return f"{'':>{_LABEL}}  {first}{last:>{max(width - len(first), len(last) + 1)}}"
