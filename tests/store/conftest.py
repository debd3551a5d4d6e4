"""Candles that tell themselves apart, for the store."""

from __future__ import annotations

import numpy as np

from quantsail_framework import Bars, Timeframe
from quantsail_framework.ports.data_source import BarRequest

NS = 1_000_000_000
JANUARY = 1_672_531_200 * NS  # 2023-01-01 00:00 UTC


def series(slots: object, symbol: str = "BTC/USDT", timeframe: str = "1h", shift: float = 0.0) -> Bars:
    """Bars at those slots after January 2023, with prices that follow from the slot."""
    length = Timeframe(timeframe)
    at = np.array(sorted(slots), np.int64)  # type: ignore[call-overload]
    price = 100.0 + at % 97 + shift
    time = JANUARY + at * length.ns
    return Bars(symbol, length, time, price, price + 2, price - 3, price + 1, 1.0 + at % 5)


def asked(bars: Bars, start: int | None = None, end: int | None = None, warmup: int = 0) -> BarRequest:
    """A request for slots [start, end) of a series like ``bars``."""
    times = [None if slot is None else JANUARY + slot * bars.timeframe.ns for slot in (start, end)]
    return BarRequest(bars.symbol, bars.timeframe, *times, warmup)
