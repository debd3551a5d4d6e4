"""MetaTrader 4 and 5: comma or tab, with or without a header, in the time of the broker's server."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime

from quantsail_data.importers.candles import Job, Rows, to_bars
from quantsail_data.importers.clock import TimeRule, moment_ns, zone
from quantsail_data.importers.names import split_symbol, stem
from quantsail_data.importers.text import Text, opened_lines, read_columns
from quantsail_framework.domain.bars import Bars
from quantsail_framework.domain.from_file import VALUES
from quantsail_framework.errors import DataError

_MINUTES = {"1": "1m", "5": "5m", "15": "15m", "30": "30m", "60": "1h", "240": "4h", "1440": "1d", "10080": "1w"}
_MT4 = re.compile(r"([A-Za-z]{6})(\d+)(?:\D.*)?")
_MT5 = re.compile(r"([A-Za-z]{6})_(?:([MH])(\d+)|(Daily|Weekly))(?:_\d+)*")
_TIME = re.compile(r"\d{4}\.\d{2}\.\d{2}( \d{2}:\d{2}(:\d{2})?)?")
# Ticks are counted in either version; what MetaTrader 5 calls VOL is zero on most currencies.
_VOLUME = ("tickvol", "volume", "vol")


def read(job: Job) -> Bars:
    """The candles of one export. The zone must be given: nothing in the file tells it."""
    named, length = _named(job.path.name)
    symbol, timeframe = job.symbol(named), job.timeframe(length)
    if job.options.zone is None:
        raise DataError(
            f"{job.where}: its times are of the broker's server, not UTC; give its zone: broker-new-york for most "
            "brokers (UTC+2, in New York's summer UTC+3), Europe/Athens for those on Europe's summer time, or UTC"
        )
    local = zone(job.options.zone)
    with opened_lines(job, job.options.delimiter) as text:
        columns, text = _columns(text)
        picks = [columns.get(name) for name in VALUES]
        job.note("no volume: 0" if picks[-1] is None else "volume counts ticks, not what was traded")
        date, hour = columns["date"], columns.get("time")
        table = read_columns(
            text, picks, lambda cells: cells[date] if hour is None else f"{cells[date]} {cells[hour]}", rule=_RULE
        )
    time = _RULE.to_utc(table.time, local, job.where, table.place)
    return to_bars(job, Rows(time, table.values, table.place), symbol, timeframe)


def _named(name: str) -> tuple[str | None, str | None]:
    """Symbol and timeframe of ``EURUSD60.csv`` (4) and ``EURUSD_H1_202001020000_202012312300.csv`` (5)."""
    if match := _MT5.fullmatch(stem(name)):
        length = f"{match[3]}{match[2].lower()}" if match[2] else {"Daily": "1d", "Weekly": "1w"}[match[4]]
        return split_symbol(match[1]), length
    if match := _MT4.fullmatch(stem(name)):
        return split_symbol(match[1]), _MINUTES.get(match[2])
    return None, None


def _columns(text: Text) -> tuple[Mapping[str, int], Text]:
    """Where each column is: by the header, or in the order in which MetaTrader writes them."""
    first, text = text.peeked()
    cells = first[0][1] if first else []
    if cells and not cells[0][:1].isdigit():
        names = [cell.strip("<> ").lower() for cell in cells]
        missing = [name for name in ("date", *VALUES[:4]) if name not in names]
        if missing:
            raise DataError(f"{text.where}, line {first[0][0]}: no column {', '.join(missing)} in the header")
        next(text.lines)
    else:
        timed = len(cells) > 1 and ":" in cells[1]
        names = ["date", *(["time"] if timed else []), *VALUES][: len(cells)]
    found = {name: names.index(name) for name in names}
    volume = next((found[name] for name in _VOLUME if name in found), None)
    return {name: found[name] for name in ("date", "time", *VALUES[:4]) if name in found} | (
        {} if volume is None else {"volume": volume}
    ), text


def _read_time(text: str) -> int:
    if not _TIME.fullmatch(text):
        raise ValueError(text)
    return moment_ns(datetime.fromisoformat(text.replace(".", "-")))


_RULE = TimeRule(_read_time)
