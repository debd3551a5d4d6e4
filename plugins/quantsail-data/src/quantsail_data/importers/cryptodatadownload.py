"""CryptoDataDownload: a banner before the header, newest first, times of its own, two volumes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

import numpy as np

from quantsail_data.importers.candles import Job, Rows, counted, taken, to_bars
from quantsail_data.importers.clock import TimeRule, moment_ns, whole
from quantsail_data.importers.names import split_symbol, stem
from quantsail_data.importers.text import Columns, Text, opened_lines, read_columns
from quantsail_framework.domain.bars import Bars, Bools, Floats, Ints, utc_text
from quantsail_framework.domain.from_file import VALUES
from quantsail_framework.domain.time_units import UNITS
from quantsail_framework.errors import DataError

_LENGTHS = {"d": "1d", "daily": "1d", "h": "1h", "1hr": "1h", "hourly": "1h", "minute": "1m"}
_LENGTH = re.compile(r"\d+[mhd]")
_HALF_DAY = re.compile(r"(\d{4}-\d{2}-\d{2}) (\d{2})-(AM|PM)")
# Volumes count as swapped when the quote volume is off by more than this (natural logarithm) and fits better the other
# way round. A price between 0.9 and 1.1 hides a swap: both volumes are then nearly the same.
_OFF = 0.2
# Zones differ by up to 14 hours.
_COPIES_WITHIN = 14
_FAR_OFF = float(np.log(2.0))


def read(job: Job) -> Bars:
    """The candles of one file. Times are UTC. The volume is that in base currency; where a row has its two volumes
    swapped, which price x base volume ~ quote volume shows, they are put right, with a note."""
    with opened_lines(job, ",") as text:
        line, header, text = _header(text)
        first, text = text.peeked()
        pair = first[0][1][header.index("symbol")] if first and "symbol" in header else ""
        symbol, timeframe = job.symbol(split_symbol(pair)), job.timeframe(_length(job.path.name))
        volumes = _volumes(header, split_symbol(pair), f"{text.where}, line {line}")
        dated = "date" in header
        stamp = header.index("date" if dated else "unix")
        extra = [header.index("unix")] if dated and "unix" in header else []
        table = read_columns(
            text,
            [*(header.index(name) for name in VALUES[:4]), *volumes, *extra],
            lambda cells: cells[stamp],
            rule=_DATES if dated else TimeRule(whole, counts=True),
            names=(*VALUES[:4], *("base volume", "quote volume")[: len(volumes)], *(["unix"] if extra else [])),
            width=len(header),
        )
    time = table.rule.to_utc(table.time, None, job.where, table.place)
    if extra:
        _check_unix(time, table, job.where)
    prices = table.values[:4]
    volume = _base_volume(job, prices, table) if len(volumes) == 2 else table.values[4]
    rows = _in_order(job, Rows(time, [*prices, volume], table.place))
    return to_bars(job, rows, symbol, timeframe)


def _header(text: Text) -> tuple[int, list[str], Text]:
    """The line and the names of the header, and what follows: a banner may come before."""
    first, text = text.peeked(3)
    for line, cells in first:
        next(text.lines)
        names = [cell.strip().lower() for cell in cells]
        if {"open", "high", "low", "close"} <= set(names) and {"date", "unix"} & set(names):
            return line, names, text
    raise DataError(f"{text.where}: no header with date or unix, open, high, low, close in its first three lines")


def _length(name: str) -> str | None:
    last = re.split(r"[_-]", stem(name).lower())[-1]
    return _LENGTHS.get(last) or (last if _LENGTH.fullmatch(last) else None)


def _volumes(header: Sequence[str], symbol: str | None, where: str) -> list[int]:
    """Where the volumes are, that in base currency first."""
    found = [index for index, name in enumerate(header) if name.startswith("volume")]
    if not 1 <= len(found) <= 2:
        raise DataError(f"{where}: {len(found)} columns are named volume; one or two are expected")
    base = (symbol or "/").split("/")[0].lower()
    return sorted(found, key=lambda index: not (base and header[index].endswith(base)))


def _base_volume(job: Job, prices: Sequence[Floats], table: Columns) -> Floats:
    base, quote = table.values[4:6]
    with np.errstate(all="ignore"):
        price = sum(prices[1:], prices[0]) / 4.0
        as_named, turned = _error(price, base, quote), _error(price, quote, base)
    swapped: Bools = (as_named > _OFF) & (turned < as_named)
    if swapped.any():
        rows = np.flatnonzero(swapped)
        job.note(
            f"base and quote volume were swapped in {counted(len(rows), 'row')}, {table.place(int(rows[0]))} to "
            f"{table.place(int(rows[-1]))}: put right"
        )
    odd = (np.minimum(as_named, turned) > _FAR_OFF) & (base + quote > 0.0)
    if odd.any():
        many, first = counted(int(odd.sum()), "row"), table.place(int(np.argmax(odd)))
        job.note(f"{many} with volumes that do not fit the price, the first at {first}: left as they are")
    return np.where(swapped, quote, base)


def _in_order(job: Job, rows: Rows) -> Rows:
    """Oldest first. Parts of files that were put together out of order are sorted, with a note; and where they hold the
    same candles at two times, one of them is in another zone than UTC, which nothing in the file can mend: a note."""
    steps = np.diff(rows.time)
    if not (steps <= 0).all() and not (steps >= 0).all():
        upward = rows.time[-1] > rows.time[0]
        astray = np.flatnonzero(steps < 0 if upward else steps > 0) + 1
        job.note(f"{counted(len(astray), 'row')} out of order, the first at {rows.place(int(astray[0]))}: sorted")
    ordered = taken(rows, np.argsort(rows.time, kind="stable"))
    for back in range(1, _COPIES_WITHIN + 1):
        same = np.logical_and.reduce([column[back:] == column[:-back] for column in ordered.values])
        copies = np.flatnonzero(same & (ordered.values[4][back:] > 0.0)) + back
        if len(copies) > 1:
            first = utc_text(int(ordered.time[copies[0]]))
            job.note(
                f"{len(copies)} candles are there twice, {back} candles apart, the first copy at {first}: times of "
                "the part before are most likely not UTC; check it against another source, or leave it out"
            )
    return ordered


def _error(price: Floats, base: Floats, quote: Floats) -> Floats:
    """How far price x base is from quote, as a logarithm; infinite where a volume is zero."""
    error = np.abs(np.log(quote / (price * base)))
    return np.where(np.isfinite(error), error, np.inf)


def _check_unix(time: Ints, table: Columns, where: str) -> None:
    unix = table.values[-1]
    same = np.logical_or.reduce([unix * per_count == time for per_count in UNITS.values()])
    if not same.all():
        row = int(np.argmin(same))
        problem = f"unix {unix[row]:.0f} is not the date {utc_text(int(time[row]))}; repair or remove the line"
        raise DataError(f"{where}, {table.place(row)}: {problem}")


def _read_date(text: str) -> int:
    if match := _HALF_DAY.fullmatch(text):
        # Twelve o'clock is written 12-AM at midnight and 12-PM at noon.
        hour = int(match[2]) % 12 + (12 if match[3] == "PM" else 0)
        if not 1 <= int(match[2]) <= 12:
            raise ValueError(text)
        text = f"{match[1]} {hour:02d}:00"
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is not None:
        raise ValueError(text)
    return moment_ns(moment)


_DATES = TimeRule(_read_date, zoned=True)
