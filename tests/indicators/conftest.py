"""Real candles for the indicators' tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from quantsail_framework.domain.bars import Bars
from quantsail_framework.domain.timeframe import Timeframe


@pytest.fixture(scope="session")
def real_bars(shared_data: Path) -> Callable[..., Bars]:
    """``real_bars("BTC/USDT", "5m", last=20_000)``: the last candles of a market; skips without the data folder."""

    def load(symbol: str, timeframe: str, last: int) -> Bars:
        path = shared_data / "ohlcv" / "binance" / f"{symbol.replace('/', '_')}-{timeframe}.parquet"
        table = pq.ParquetFile(path).read()
        table = table.slice(max(0, table.num_rows - last))
        times = np.asarray(table["timestamp"].cast("int64")) * 1_000_000
        columns = {name: np.asarray(table[name]) for name in ("open", "high", "low", "close", "volume")}
        return Bars(symbol, Timeframe(timeframe), times, **columns)

    return load
