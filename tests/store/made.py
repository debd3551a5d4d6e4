"""Candles that tell themselves apart, for the store and the data verbs."""

from __future__ import annotations

import numpy as np

from quantsail_framework import Bars, Timeframe
from quantsail_framework.ports.data_source import BarRequest

MINUTE = 60_000_000_000
JANUARY = 1_672_531_200_000_000_000  # 2023-01-01 00:00 UTC
JUNE = JANUARY + 151 * 1440 * MINUTE


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


def five_minutes(count: int = 600, symbol: str = "BTC/USDT", *, without: tuple[int, ...] = ()) -> Bars:
    """Bars of 5m from January 2023 on whose prices wander a little; those of ``without`` are absent."""
    slots = np.array([slot for slot in range(count) if slot not in without], np.int64)
    close = np.round(100 + 3 * np.sin(slots / 40) + (slots % 7) / 10, 2)
    opens = np.round(close + (slots % 3 - 1) / 10, 2)
    high, low = np.maximum(opens, close) + 0.25, np.minimum(opens, close) - 0.25
    time = JANUARY + slots * 5 * MINUTE
    return Bars(symbol, Timeframe("5m"), time, opens, high, low, close, 1.0 + slots % 5)
