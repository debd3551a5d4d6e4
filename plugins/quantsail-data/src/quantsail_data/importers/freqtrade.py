"""freqtrade: candles as JSON, gzipped JSON or feather, and lists of trades, which are made into bars."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

import numpy as np

from quantsail_data.importers.candles import MAX_ROWS, Job, Rows, rows_place, to_bars
from quantsail_data.importers.clock import counts_to_ns
from quantsail_data.importers.json_rows import json_rows
from quantsail_data.importers.names import freqtrade_name
from quantsail_data.importers.streams import first_bytes, opened_text
from quantsail_data.importers.ticks import bars_of_trades
from quantsail_framework.domain.bars import Bars, Floats, Ints
from quantsail_framework.domain.from_file import VALUES
from quantsail_framework.errors import DataError

_KINDS = (None, "futures", "spot")
_PIECE = 50_000
# Where a trade has its time, price and amount: [ms, id, type, side, price, amount, cost].
_TRADE, _TRADE_CELLS = (0, 4, 5), 7


def read(job: Job) -> Bars:
    """The candles of one file, or bars of the asked timeframe made of its trades."""
    named, length, kind = freqtrade_name(job.path.name)
    if kind not in _KINDS:
        raise DataError(f"{job.where}: holds {kind} and no traded prices; import the file without that ending")
    symbol = job.symbol(named)
    trades = length == "trades"
    timeframe = job.timeframe(None if trades else length)
    if first_bytes(job.path, 6) == b"ARROW1":
        from quantsail_data.importers.tables import named_columns

        wanted = ("timestamp", "price", "amount") if trades else ("date", *VALUES)
        time, *values = named_columns(job, wanted)
    else:
        time, *values = _json_columns(job, trades)
    if trades:
        return bars_of_trades(job, symbol, timeframe, time, values[0], values[1], rows_place)
    return to_bars(job, Rows(time, values, rows_place), symbol, timeframe)


def _json_columns(job: Job, trades: bool) -> tuple[Any, ...]:
    picks, width = (_TRADE, _TRADE_CELLS) if trades else (tuple(range(6)), 6)
    times: list[Ints] = [np.empty(0, np.int64)]
    pieces: list[Floats] = [np.empty((0, len(picks) - 1))]
    with opened_text(job.path) as (stream, file):
        rows = json_rows(stream, file.where)
        count = 0
        while piece := list(islice(rows, _PIECE)):
            times.append(np.array([_time(row, width, f"{file.where}, row {count + i}") for i, row in enumerate(piece)]))
            pieces.append(np.array(list(_numbers(piece, picks[1:], file.where, count))))
            count += len(piece)
            if count > MAX_ROWS:
                raise DataError(f"{file.where}: more than {MAX_ROWS:,} rows; split the file")
    values = np.concatenate(pieces)
    time = counts_to_ns(np.concatenate(times), job.where, rows_place)
    return time, *(values[:, column] for column in range(values.shape[1]))


def _time(row: list[Any], width: int, where: str) -> int:
    if len(row) != width:
        raise DataError(f"{where}: {len(row)} values, {width} are expected; repair or remove the row")
    if type(row[0]) is not int or abs(row[0]) >= 2**63:
        raise DataError(f"{where}: time {str(row[0])[:40]} is no whole number; repair or remove the row")
    return row[0]


def _numbers(piece: list[list[Any]], picks: tuple[int, ...], where: str, first: int) -> Iterator[list[float]]:
    for index, row in enumerate(piece):
        values = [row[pick] for pick in picks]
        if any(type(value) not in (int, float) or abs(value) > 1e300 for value in values):
            bad = next(value for value in values if type(value) not in (int, float) or abs(value) > 1e300)
            problem = f"{str(bad)[:40]!r} is not a number of a candle or trade; repair or remove the row"
            raise DataError(f"{where}, row {first + index}: {problem}")
        yield values
