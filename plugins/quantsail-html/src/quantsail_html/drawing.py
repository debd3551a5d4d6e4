"""What the figures of many sections share: axes, curves with few points, hostile words."""

from __future__ import annotations

import html
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

CURVE_BUCKETS = 500
MOST_POINTS = 3_000
_NS_PER_MS = 1_000_000


def axis(title: str = "", **more: Any) -> dict[str, Any]:
    """An axis with a title. ``more`` are further options of plotly's, ``standoff`` the title's way from the labels."""
    standoff = {"standoff": more.pop("standoff")} if "standoff" in more else {}
    return {"title": {"text": title, **standoff}, **more}


def time_axis(**more: Any) -> dict[str, Any]:
    """An axis of times."""
    return {"type": "date", **more}


def words(value: Any) -> str:
    """Text for a figure: plotly reads markup in its labels, so what could be markup is escaped."""
    return html.escape(str(value), quote=False)


def milliseconds(time_ns: Ints) -> Ints:
    """Times as plotly counts them: milliseconds since 1970."""
    return time_ns.astype(np.int64) // _NS_PER_MS


def thinned(values: Floats, buckets: int = CURVE_BUCKETS) -> Ints:
    """Indices of the points that show the same curve: of each bucket the first, lowest, highest and last.

    No extreme is lost, so the depth of a drawdown stays readable. All indices where there are few.
    """
    size = len(values)
    if size <= 4 * buckets:
        return np.arange(size, dtype=np.int64)
    edges = np.linspace(0, size, buckets + 1).astype(np.int64)
    kept: set[int] = set()
    for start, stop in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        part = values[start:stop]
        kept.update((start, stop - 1, start + int(part.argmin()), start + int(part.argmax())))
    return np.array(sorted(kept), dtype=np.int64)


def largest(values: Floats, most: int = MOST_POINTS) -> Ints:
    """Indices, in order, of at most ``most`` values: the largest by size."""
    if len(values) <= most:
        return np.arange(len(values), dtype=np.int64)
    return np.sort(np.argsort(-np.abs(values), kind="stable")[:most]).astype(np.int64)


def steps(values: Floats) -> list[float | None]:
    """Floats as a list, with None for what is not finite."""
    return [value if np.isfinite(value) else None for value in values.tolist()]
