"""The volatility-expansion strategy's signals, a plain Python loop without any library."""

from __future__ import annotations

from math import fsum
from typing import Any

from .mean_reversion import spread_of
from .trend import above
from .values import Market

OPTIONS: dict[str, Any] = {
    "bb_period": 20,
    "bb_std": 2.0,
    "squeeze_lookback": 125,
    "squeeze_bars": 10,
    "atr_period": 14,
    "expansion_atr": 1.5,
    "volume_period": 20,
    "stop_atr": 2.0,
    "target_atr": 3.0,
    "allow_short": False,
}


def add_volatility_expansion_signals(market: Market, **changed: Any) -> Market:
    """Write the strategy's entries, stops and targets into ``market``."""
    options = OPTIONS | changed
    period, size = options["bb_period"], len(market.time)
    bands = [spread_of(market.close[i - period + 1 : i + 1]) if i >= period - 1 else None for i in range(size)]
    widths = [None if band is None else 2 * options["bb_std"] * band[1] / band[0] for band in bands]
    ranges = true_ranges(market)
    atr = wilder_average(ranges, options["atr_period"])
    market.entry, market.stop, market.target = [0] * size, [None] * size, [None] * size
    for i in range(period - 1 + options["squeeze_lookback"], size):
        if not squeezed(widths[i - options["squeeze_lookback"] : i], options["squeeze_bars"]):
            continue
        if atr[i - 1] is None or not above(ranges[i], options["expansion_atr"] * atr[i - 1]):
            continue
        side = side_at(market, i, *bands[i], options)
        if side and loud(market, i, options["volume_period"]):
            market.entry[i] = side
            market.stop[i] = market.close[i] - side * options["stop_atr"] * atr[i]
            market.target[i] = market.close[i] + side * options["target_atr"] * atr[i]
    return market


def squeezed(widths: list[float], last: int) -> bool:
    """Whether the lowest of ``widths`` is among the ``last`` of them."""
    return min(widths[-last:]) <= min(widths) + 1e-9


def side_at(market: Market, i: int, middle: float, deviation: float, options: dict[str, Any]) -> int:
    """1 above the upper band, -1 below the lower one, else 0."""
    if above(market.close[i], middle + options["bb_std"] * deviation):
        return 1
    if options["allow_short"] and above(-market.close[i], -(middle - options["bb_std"] * deviation)):
        return -1
    return 0


def loud(market: Market, i: int, period: int) -> bool:
    """Whether the bar's volume is above its mean; always without a period, never before it is full."""
    if not period:
        return True
    return i >= period - 1 and above(market.volume[i], fsum(market.volume[i - period + 1 : i + 1]) / period)


def true_ranges(market: Market) -> list[float]:
    """The first bar has none."""
    rows = zip(market.close, market.high[1:], market.low[1:], strict=False)
    return [0.0, *(max(high, before) - min(low, before) for before, high, low in rows)]


def wilder_average(values: list[float], period: int) -> list[float | None]:
    """The mean of the first ``period`` values after the first, then each keeps (period - 1) / period of the last."""
    averages: list[float | None] = [None] * len(values)
    if len(values) <= period:
        return averages
    average = fsum(values[1 : period + 1]) / period
    averages[period] = average
    for i in range(period + 1, len(values)):
        average = (average * (period - 1) + values[i]) / period
        averages[i] = average
    return averages
