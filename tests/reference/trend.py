"""The trend strategy's signals, bar by bar from plain lists: for the comparison on real candles.

Only ADX and ATR come from a library (TA-Lib, called directly); windows are sliced and summed.
"""

from __future__ import annotations

from math import fsum
from pathlib import Path
from typing import Any

import numpy as np
import talib
from pyarrow.parquet import ParquetFile

from .values import Market

OPTIONS: dict[str, Any] = {
    "atr_period": 14,
    "adx_period": 14,
    "ma_period": 50,
    "lookback": 20,
    "volume_period": 20,
    "adx_threshold": 25.0,
    "stop_atr": 2.0,
    "target_atr": 3.0,
    "allow_short": False,
}


def load(path: Path, symbol: str) -> Market:
    """All candles of a Parquet file with ``timestamp`` in milliseconds."""
    columns = ParquetFile(path).read().to_pydict()
    stamps = [int(stamp.timestamp() * 1000) if hasattr(stamp, "timestamp") else stamp for stamp in columns["timestamp"]]
    prices = {name: columns[name] for name in ("open", "high", "low", "close", "volume")}
    return Market(symbol, time=[stamp * 1_000_000 for stamp in stamps], **prices)


def add_trend_signals(market: Market, **changed: Any) -> Market:
    """Write the strategy's entries, stops and targets into ``market``. Raises ValueError for candles without volume."""
    options = OPTIONS | changed
    if options["volume_period"] and not any(market.volume):
        raise ValueError(f"{market.symbol} has no volume")
    high, low, close = (np.array(column, dtype=float) for column in (market.high, market.low, market.close))
    adx = talib.ADX(high, low, close, options["adx_period"]).tolist()
    atr = talib.ATR(high, low, close, options["atr_period"]).tolist()
    market.entry = [side_at(market, adx[i], i, options) for i in range(len(market.time))]
    rows = list(zip(market.entry, market.close, atr, strict=True))
    market.stop = [price - side * options["stop_atr"] * width if side else None for side, price, width in rows]
    market.target = [price + side * options["target_atr"] * width if side else None for side, price, width in rows]
    return market


def side_at(market: Market, adx: float, i: int, options: dict[str, Any]) -> int:
    """1, -1 or 0 at the close of bar ``i``. An ADX of NaN is above nothing."""
    back, period, volumes = options["lookback"], options["ma_period"], options["volume_period"]
    close = market.close[i]
    if i < max(back, period - 1, volumes - 1) or not adx > options["adx_threshold"]:
        return 0
    if volumes and not above(market.volume[i], fsum(market.volume[i - volumes + 1 : i + 1]) / volumes):
        return 0
    average = fsum(market.close[i - period + 1 : i + 1]) / period
    if above(close, average) and close > max(market.high[i - back : i]):
        return 1
    if options["allow_short"] and above(-close, -average) and close < min(market.low[i - back : i]):
        return -1
    return 0


def above(value: float, mean: float) -> bool:
    """Above the mean, and not only by its rounding."""
    return value - mean > 1e-9 * abs(mean)
