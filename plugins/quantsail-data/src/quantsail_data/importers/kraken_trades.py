"""Kraken's dump of trades: seconds, price, volume; no header. Made into bars."""

from __future__ import annotations

from quantsail_data.importers.candles import Job
from quantsail_data.importers.clock import TimeRule, whole
from quantsail_data.importers.names import split_symbol, stem
from quantsail_data.importers.text import opened_lines, read_columns
from quantsail_data.importers.ticks import bars_of_trades
from quantsail_framework.domain.bars import Bars

# Kraken's own names of two currencies that all others call differently.
_OWN_NAMES = {"XBT": "BTC", "XDG": "DOGE"}


def read(job: Job) -> Bars:
    """Bars of the asked timeframe, of all trades of the file."""
    symbol = job.symbol(_usual(split_symbol(stem(job.path.name))))
    timeframe = job.timeframe()
    with opened_lines(job, ",") as text:
        columns = read_columns(
            text, (1, 2), lambda cells: cells[0], rule=TimeRule(whole, counts=True), names=("price", "volume"), width=3
        )
    time = columns.rule.to_utc(columns.time, None, job.where, columns.place)
    return bars_of_trades(job, symbol, timeframe, time, columns.values[0], columns.values[1], columns.place)


def _usual(symbol: str | None) -> str | None:
    return symbol and "/".join(_OWN_NAMES.get(part, part) for part in symbol.split("/"))
