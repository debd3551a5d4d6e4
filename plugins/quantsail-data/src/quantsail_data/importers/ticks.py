"""Bars of the trades or quotes of a file, with what is wrong named by the file's own rows."""

from __future__ import annotations

from typing import cast

import numpy as np

from quantsail_data.importers.candles import Job, counted
from quantsail_framework.domain.aggregate import Side, quotes_to_bars, trades_to_bars
from quantsail_framework.domain.bars import Bars, Bools, Floats, Ints, utc_text
from quantsail_framework.domain.from_file import Place
from quantsail_framework.domain.timeframe import Timeframe
from quantsail_framework.errors import DataError


def bars_of_trades(
    job: Job, symbol: str, timeframe: Timeframe, time: Ints, price: Floats, amount: Floats, place: Place
) -> Bars:
    """Bars of trades, with a note on those at both ends. Raises DataError for rows that no trade can be."""
    _check(job, symbol, time, price, "price", place)
    bad = ~(np.isfinite(amount) & (amount >= 0.0))
    _refuse(job, symbol, time, bad, "amount is not a number from zero on; repair or remove the row", place)
    _note_ends(job, time, "trade")
    return trades_to_bars(symbol, timeframe, time, price, amount, origin=job.origin)


def bars_of_quotes(
    job: Job, symbol: str, timeframe: Timeframe, time: Ints, bid: Floats, ask: Floats, place: Place
) -> Bars:
    """Bars of the asked side of quotes, bid by default. Raises DataError for rows that no quote can be."""
    _check(job, symbol, time, bid, "bid", place)
    _check(job, symbol, time, ask, "ask", place)
    side = cast("Side", job.options.side or "bid")
    _note_ends(job, time, "quote")
    job.note(f"bars of the {side}; volume 0, since quotes trade nothing")
    return quotes_to_bars(symbol, timeframe, time, bid, ask, side=side, origin=job.origin)


def _check(job: Job, symbol: str, time: Ints, price: Floats, name: str, place: Place) -> None:
    if not len(time):
        raise DataError(f"{job.where}: {symbol}: the file holds no rows")
    earlier = np.r_[False, time[1:] < time[:-1]]
    _refuse(job, symbol, time, earlier, "time is earlier than the row before; sort the file by time", place)
    bad = ~(np.isfinite(price) & (price > 0.0))
    _refuse(job, symbol, time, bad, f"{name} is not a number above zero; repair or remove the row", place)


def _refuse(job: Job, symbol: str, time: Ints, bad: Bools, problem: str, place: Place) -> None:
    if bad.any():
        row = int(np.argmax(bad))
        raise DataError(f"{job.where}: {symbol}, {place(row)} ({utc_text(int(time[row]))}): {problem}")


def _note_ends(job: Job, time: Ints, what: str) -> None:
    span = f"{utc_text(int(time[0]))} to {utc_text(int(time[-1]))}"
    job.note(f"{counted(len(time), what)}, {span}: the first and the last bar lack what came before and after")
