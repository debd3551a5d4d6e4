"""Binance's public klines: twelve columns, with or without a header, in ms and since 2025 in us; CSV or its zip."""

from __future__ import annotations

from quantsail_data.importers.candles import Job, Rows, to_bars
from quantsail_data.importers.clock import TimeRule, whole
from quantsail_data.importers.names import klines_name
from quantsail_data.importers.text import opened_lines, read_columns
from quantsail_framework.domain.bars import Bars

_CELLS = 12


def read(job: Job) -> Bars:
    """The candles of one file of klines. The unit of its times is told by their size, file by file."""
    with opened_lines(job, ",") as text:
        named, length = klines_name(text.member)
        symbol, timeframe = job.symbol(named), job.timeframe(length)
        first, text = text.peeked()
        if first and not first[0][1][0][:1].isdigit():
            next(text.lines)
        columns = read_columns(
            text, range(1, 6), lambda cells: cells[0], rule=TimeRule(whole, counts=True), width=_CELLS
        )
    time = columns.rule.to_utc(columns.time, None, job.where, columns.place)
    return to_bars(job, Rows(time, columns.values, columns.place), symbol, timeframe)
