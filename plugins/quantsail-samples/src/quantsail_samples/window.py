"""Cutting a whole series to what a request asks for."""

from __future__ import annotations

from quantsail_framework.domain.bars import Bars
from quantsail_framework.ports.data_source import BarRequest


def cut(bars: Bars, request: BarRequest) -> Bars:
    """The bars in [start, end) and ``warmup`` before them; an empty range has no warm-up."""
    first = 0 if request.start_ns is None else int(bars.time.searchsorted(request.start_ns))
    stop = len(bars) if request.end_ns is None else int(bars.time.searchsorted(request.end_ns))
    return bars.slice(max(0, first - request.warmup), stop) if first < stop else bars.slice(0, 0)
