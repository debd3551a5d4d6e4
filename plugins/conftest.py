"""Candles for the tests of the plugins: made by hand, and real ones where they are present."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from quantsail_framework import Bars, Timeframe

SHARED_DATA = Path(__file__).parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def candles() -> Callable[..., Bars]:
    """``candles(closes, volumes)``: bars that open at their close and reach one up and one down."""

    def make(closes: Sequence[float], volumes: Sequence[float] | None = None) -> Bars:
        close = np.array(closes, np.float64)
        times = np.arange(len(close)) * 300_000_000_000
        volume = np.arange(1.0, len(close) + 1) if volumes is None else volumes
        return Bars("TEST/USDT", Timeframe("5m"), times, close, close + 1, close - 1, close, volume)

    return make


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real candles; without it the test is skipped, or fails when QUANTSAIL_REQUIRE_DATA=1."""
    if not SHARED_DATA.is_dir():
        reason = "no real candles: ../shared/data beside the project is absent"
        if os.environ.get("QUANTSAIL_REQUIRE_DATA") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    return SHARED_DATA


@pytest.fixture(scope="session")
def real_bars(shared_data: Path) -> Bars:
    """The last 30,000 five-minute candles of BTC/USDT."""
    table = pq.ParquetFile(shared_data / "ohlcv" / "binance" / "BTC_USDT-5m.parquet").read()
    table = table.slice(table.num_rows - 30_000)
    times = np.asarray(table["timestamp"].cast("int64")) * 1_000_000
    columns = {name: np.asarray(table[name]) for name in ("open", "high", "low", "close", "volume")}
    return Bars("BTC/USDT", Timeframe("5m"), times, **columns)
