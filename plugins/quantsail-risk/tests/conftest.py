"""Candles for the tests of this folder: made from closes, and real ones where they are present."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from quantsail_framework import Bars, Timeframe

SHARED_DATA = Path(__file__).parents[4] / "shared" / "data"
HOUR_NS = 3_600_000_000_000


@pytest.fixture(scope="session")
def candles() -> Callable[..., Bars]:
    """``candles(symbol, closes, hours)``: hourly bars whose four prices are the close; bar i opens at ``hours[i]``."""

    def make(symbol: str, closes: Sequence[float], hours: Sequence[int] | None = None) -> Bars:
        close = np.array(closes, np.float64)
        times = np.arange(len(close)) if hours is None else np.array(hours)
        return Bars(symbol, Timeframe("1h"), times * HOUR_NS, close, close, close, close, np.ones(len(close)))

    return make


@pytest.fixture(scope="session")
def real_bars() -> Callable[[str], Bars]:
    """Hourly candles of 2023; skips without them, fails without them under QUANTSAIL_REQUIRE_DATA=1."""

    def load(symbol: str) -> Bars:
        path = SHARED_DATA / "ohlcv" / "binance" / f"{symbol.replace('/', '_')}-1h.parquet"
        if not path.is_file():
            reason = "no real candles: ../shared/data beside the project is absent"
            if os.environ.get("QUANTSAIL_REQUIRE_DATA") == "1":
                pytest.fail(reason)
            pytest.skip(reason)
        table = pq.ParquetFile(path).read()
        times = np.asarray(table["timestamp"].cast("int64")) * 1_000_000
        columns = {name: np.asarray(table[name]) for name in ("open", "high", "low", "close", "volume")}
        bars = Bars(symbol, Timeframe("1h"), times, **columns)
        return bars.slice(int(times.searchsorted(1_672_531_200_000_000_000)), len(bars))  # 2023-01-01

    return load
