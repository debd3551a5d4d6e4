"""The mean-reversion strategy's signals, bar by bar from plain lists: for the comparison on real candles.

Only ADX comes from a library (TA-Lib, called directly); bands and RSI are summed and averaged here.
"""

from __future__ import annotations

from itertools import pairwise
from math import fsum, isnan, sqrt
from typing import Any

import numpy as np
import talib

from .trend import above
from .values import Market

OPTIONS: dict[str, Any] = {
    "bb_period": 20,
    "bb_std": 2.0,
    "rsi_period": 14,
    "rsi_oversold": 30.0,
    "adx_period": 14,
    "adx_threshold": 20.0,
    "stop_width": 0.5,
    "allow_short": False,
}


def add_mean_reversion_signals(market: Market, **changed: Any) -> Market:
    """Write the strategy's entries, stops and targets into ``market``, also levels that no run can trade."""
    options = OPTIONS | changed
    high, low, close = (np.array(column, dtype=float) for column in (market.high, market.low, market.close))
    adx = talib.ADX(high, low, close, options["adx_period"]).tolist()
    rsi = wilder_rsi(market.close, options["rsi_period"])
    size = len(market.time)
    market.entry, market.stop, market.target = [0] * size, [None] * size, [None] * size
    for i in range(options["bb_period"] - 1, size):
        if isnan(adx[i]) or adx[i] >= options["adx_threshold"] or rsi[i] is None:
            continue
        middle, deviation = spread_of(market.close[i - options["bb_period"] + 1 : i + 1])
        width = options["bb_std"] * deviation
        side = side_at(market, i, middle, width, rsi[i], options)
        if side:
            market.entry[i] = side
            market.stop[i] = snapped(middle - side * width * (1 + options["stop_width"]))
            market.target[i] = snapped(middle)
    return market


def side_at(market: Market, i: int, middle: float, width: float, rsi: float, options: dict[str, Any]) -> int:
    """1, -1 or 0 at the close of bar ``i`` of a ranging market."""
    if width <= 1e-9 * middle:
        return 0
    if not above(market.low[i], middle - width) and rsi < options["rsi_oversold"]:
        return 1
    if options["allow_short"] and not above(-market.high[i], -(middle + width)) and rsi > 100 - options["rsi_oversold"]:
        return -1
    return 0


def snapped(level: float) -> float:
    """A level that is a price of ten digits but for its rounding is that price."""
    short = float(f"{level:.10g}")
    return short if abs(level - short) <= 2e-13 * abs(level) else level


def spread_of(values: list[float]) -> tuple[float, float]:
    """Mean and deviation (divided by the number of values)."""
    mean = fsum(values) / len(values)
    return mean, sqrt(fsum((value - mean) ** 2 for value in values) / len(values))


def wilder_rsi(closes: list[float], period: int) -> list[float | None]:
    """100 * gain / (gain + loss), each an average that keeps (period - 1) / period of itself."""
    rsi: list[float | None] = [None] * len(closes)
    changes = [after - before for before, after in pairwise(closes)]
    if len(changes) < period:
        return rsi
    gain = fsum(max(change, 0.0) for change in changes[:period]) / period
    loss = fsum(max(-change, 0.0) for change in changes[:period]) / period
    for i in range(period, len(closes)):
        if i > period:
            gain = (gain * (period - 1) + max(changes[i - 1], 0.0)) / period
            loss = (loss * (period - 1) + max(-changes[i - 1], 0.0)) / period
        rsi[i] = 100 * gain / (gain + loss) if gain + loss else 0.0
    return rsi
