"""Bars made of single trades or quotes: one bar per stretch of time in which there was any."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from quantsail_framework.domain.bars import Bars, Floats, Ints, utc_text
from quantsail_framework.domain.timeframe import Timeframe, bucket_start
from quantsail_framework.errors import DataError

Side = Literal["bid", "ask", "mid"]


def trades_to_bars(
    symbol: str,
    timeframe: Timeframe,
    time_ns: npt.ArrayLike,
    price: npt.ArrayLike,
    amount: npt.ArrayLike,
    *,
    origin: str = "",
) -> Bars:
    """Bars of the trades at ``time_ns`` (ns UTC, oldest first; those of one time in the order in which they traded).

    Open and close are the first and the last price of a bar, volume is the sum of ``amount`` (base currency).
    A stretch without a trade has no bar. Buckets are those of ``bucket_start``. Raises DataError, naming origin and
    symbol, for times that decrease, columns of different lengths, and prices or amounts that no bar may have.
    """
    time = np.asarray(time_ns, np.int64)
    prices, amounts = np.asarray(price, np.float64), np.asarray(amount, np.float64)
    _check(time, [prices, amounts], _where(origin, symbol))
    if (amounts < 0.0).any():
        row = int(np.argmax(amounts < 0.0))
        raise DataError(f"{_where(origin, symbol)}: the amount of trade {row} ({utc_text(int(time[row]))}) is negative")
    return _bars(symbol, timeframe, time, prices, amounts, origin)


def quotes_to_bars(
    symbol: str,
    timeframe: Timeframe,
    time_ns: npt.ArrayLike,
    bid: npt.ArrayLike,
    ask: npt.ArrayLike,
    *,
    side: Side = "bid",
    origin: str = "",
) -> Bars:
    """Bars of the quotes at ``time_ns`` (ns UTC, oldest first): of the bid, the ask, or ``mid = (bid + ask) / 2``.

    As ``trades_to_bars``, but with volume 0: a quote trades nothing.
    """
    time = np.asarray(time_ns, np.int64)
    bids, asks = np.asarray(bid, np.float64), np.asarray(ask, np.float64)
    _check(time, [bids, asks], _where(origin, symbol))
    prices = {"bid": bids, "ask": asks, "mid": (bids + asks) / 2.0}[side]
    return _bars(symbol, timeframe, time, prices, np.zeros(len(time)), origin)


def _where(origin: str, symbol: str) -> str:
    return f"{origin}: {symbol}" if origin else symbol


def _check(time: Ints, columns: list[Floats], where: str) -> None:
    if any(column.shape != time.shape for column in columns):
        shapes = ", ".join(str(column.shape) for column in columns)
        raise DataError(f"{where}: {time.shape} times and columns of {shapes} do not fit together")
    for column in columns:
        if not np.isfinite(column).all():
            row = int(np.argmin(np.isfinite(column)))
            raise DataError(f"{where}: row {row} ({utc_text(int(time[row]))}) holds what is not a finite number")
    later = time[1:] >= time[:-1]
    if not later.all():
        row = int(np.argmin(later)) + 1
        problem = "is earlier than the row before; sort by time"
        raise DataError(f"{where}: row {row} ({utc_text(int(time[row]))}) {problem}")


def _bars(symbol: str, timeframe: Timeframe, time: Ints, prices: Floats, amounts: Floats, origin: str) -> Bars:
    opens = bucket_start(time, timeframe)
    first = np.flatnonzero(np.r_[True, opens[1:] != opens[:-1]]) if len(time) else np.empty(0, np.int64)
    if not len(first):
        return Bars(symbol, timeframe, opens, prices, prices, prices, prices, amounts, origin=origin)
    last = np.r_[first[1:], len(time)] - 1
    high, low = np.maximum.reduceat(prices, first), np.minimum.reduceat(prices, first)
    volume = np.add.reduceat(amounts, first)
    return Bars(symbol, timeframe, opens[first], prices[first], high, low, prices[last], volume, origin=origin)
