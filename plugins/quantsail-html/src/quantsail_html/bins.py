"""Distributions: values in bins, as bars and as numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from quantsail_html.drawing import Floats, Ints
from quantsail_html.markup import Html, table
from quantsail_html.numbers import count
from quantsail_html.section import Spec


def bars(values: Floats, color: str, negative: str | None = None) -> Spec:
    """A bar for each bin; those left of zero in the colour ``negative`` where there is one."""
    edges, counts = histogram(values)
    centres = (edges[1:] + edges[:-1]) / 2
    colors = np.where(centres > 0, color, negative or color).tolist()
    return {"type": "bar", "x": centres, "y": counts, "width": np.diff(edges), "marker": {"color": colors}}


def layout(across: Any, up: Any, **more: Any) -> dict[str, Any]:
    """The layout of ``bars`` on two axes."""
    return {"xaxis": across, "yaxis": up, "showlegend": False, **more}


def bin_table(values: Floats, shown: Callable[[Any], str], what: str) -> Html:
    """Bounds and count of each bin."""
    edges, counts = histogram(values)
    bounds = zip(edges[:-1].tolist(), edges[1:].tolist(), counts.tolist(), strict=True)
    rows = [(shown(low), shown(high), count(size)) for low, high, size in bounds]
    return table(("from", "to", what), rows, "rrr", f"Distribution of {what}")


def histogram(values: Floats, most_bins: int = 40) -> tuple[Floats, Ints]:
    """(edges, counts) of finite values; no bins without values.

    The bin width is that of Freedman and Diaconis, 2 * IQR / n^(1/3) (Zeitschrift für
    Wahrscheinlichkeitstheorie, 1981), but at least sqrt(n) bins, since results with two humps have a
    wide IQR, and at most ``most_bins``; one bin where all are equal.
    """
    finite = values[np.isfinite(values)]
    if not len(finite):
        return np.empty(0), np.empty(0, np.int64)
    low, high = float(finite.min()), float(finite.max())
    width = 2.0 * float(np.subtract(*np.percentile(finite, [75, 25]))) / len(finite) ** (1 / 3)
    wanted = max((high - low) / width if width > 0 else 1.0, len(finite) ** 0.5) if high > low else 1.0
    counts, edges = np.histogram(finite, bins=int(min(np.ceil(wanted), most_bins)))
    return edges, counts.astype(np.int64)
