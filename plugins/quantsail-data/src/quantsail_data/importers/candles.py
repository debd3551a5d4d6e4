"""From the columns of a file to Bars: order, repeated rows, spacing, and messages that name the file's own rows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import attrs
import numpy as np

from quantsail_data.importers.options import ImportOptions
from quantsail_framework.domain.bars import Bars, Floats, Ints, utc_text
from quantsail_framework.domain.from_file import Place, bars_from_file, shown
from quantsail_framework.domain.timeframe import Timeframe, bucket_start
from quantsail_framework.errors import DataError

MAX_ROWS = 50_000_000


@attrs.frozen
class Job:
    """One file to import: where it is, what the user said, and what is to be told."""

    path: Path
    options: ImportOptions
    notes: list[str] = attrs.field(factory=list)

    @property
    def where(self) -> str:
        """The file as messages name it."""
        return str(shown(self.path))

    @property
    def origin(self) -> str:
        """The file's name, which is the same on every machine."""
        return self.path.name

    def note(self, text: str) -> None:
        """Tell the user what was changed, assumed or left out."""
        self.notes.append(text)

    def symbol(self, named: str | None = None) -> str:
        """The asked symbol, else that of the name. Raises DataError where there is neither."""
        symbol = self.options.symbol or named
        if not symbol:
            raise DataError(f"{self.where}: the file's name does not tell its symbol; give one, such as BTC/USDT")
        return symbol

    def timeframe(self, named: str | None = None) -> Timeframe:
        """The asked timeframe, else that of the name. Raises DataError where there is neither."""
        asked = self.options.timeframe
        if asked is None and named is None:
            raise DataError(f"{self.where}: the file's name does not tell its timeframe; give one, such as 1h")
        if asked is not None and named is not None and asked.text != named:
            self.note(f"named {named}, read as {asked} as asked")
        try:
            return asked or Timeframe(str(named))
        except ValueError as error:
            raise DataError(f"{self.where}: {error}") from None


@attrs.frozen(eq=False)
class Rows:
    """What a format read: open times (ns UTC), open to volume, and how to word the place of a row."""

    time: Ints
    values: Sequence[Floats]
    place: Place


def rows_place(row: int) -> str:
    """Words rows by number, counted from 0."""
    return f"row {row}"


def to_bars(job: Job, rows: Rows, symbol: str, timeframe: Timeframe, *, newest_first: bool = False) -> Bars:
    """The bars of ``rows``. Equal rows are dropped; ``newest_first`` files may be in either order.

    Raises DataError, naming file, row and time, for everything that Bars refuses, for rows of one time that differ, and
    for rows that are closer than the timeframe.
    """
    where = f"{job.where}: {symbol} {timeframe}"
    if not len(rows.time):
        raise DataError(f"{where}: the file holds no candles")
    if newest_first and rows.time[0] > rows.time[-1]:
        rows = taken(rows, np.arange(len(rows.time))[::-1])
    rows = _without_repeats(job, rows, where)
    _check_spacing(job, rows, timeframe, where)
    return bars_from_file(symbol, timeframe, rows.time, rows.values, path=job.path, origin=job.origin, place=rows.place)


def taken(rows: Rows, index: Ints) -> Rows:
    """The rows numbered ``index``, in that order, which keep their places."""
    place = rows.place
    return Rows(rows.time[index], [column[index] for column in rows.values], lambda row: place(int(index[row])))


def _without_repeats(job: Job, rows: Rows, where: str) -> Rows:
    steps = np.diff(rows.time)
    if (steps < 0).any():
        row = int(np.argmax(steps < 0)) + 1
        problem = "time is earlier than the row before; sort the file by time"
        raise DataError(f"{where}, {rows.place(row)} ({utc_text(int(rows.time[row]))}): {problem}")
    again = np.flatnonzero(steps == 0) + 1
    for column in rows.values:
        differs = again[column[again] != column[again - 1]]
        if len(differs):
            row = int(differs[0])
            problem = f"time is that of {rows.place(row - 1)} with other values; keep the one that is right"
            raise DataError(f"{where}, {rows.place(row)} ({utc_text(int(rows.time[row]))}): {problem}")
    if not len(again):
        return rows
    job.note(f"{counted(len(again), 'repeated row')} dropped, the first at {rows.place(int(again[0]))}")
    return taken(rows, np.setdiff1d(np.arange(len(rows.time)), again))


def _check_spacing(job: Job, rows: Rows, timeframe: Timeframe, where: str) -> None:
    steps = np.diff(rows.time)
    if not len(steps):
        return
    nearest = int(steps.min())
    if nearest < timeframe.ns:
        row = int(np.argmax(steps < timeframe.ns)) + 1
        when = utc_text(int(rows.time[row]))
        raise DataError(
            f"{where}, {rows.place(row)} ({when}): opens {length(int(steps[row - 1]))} after the candle before, so "
            f"these are no {timeframe} candles; say how long they are, such as timeframe {length(nearest)}"
        )
    if nearest > timeframe.ns:
        job.note(f"no two candles are closer than {length(nearest)}: is {timeframe} right?")
    askew = rows.time != bucket_start(rows.time, timeframe)
    if askew.any():
        row = int(np.argmax(askew))
        when = utc_text(int(rows.time[row]))
        job.note(f"{counted(int(askew.sum()), 'candle')} not on a whole {timeframe} of UTC, the first at {when}")


def counted(count: int, thing: str) -> str:
    """``1 row`` and ``2 rows``."""
    return f"{count:,} {thing}" if count == 1 else f"{count:,} {thing}s"


def length(ns: int) -> str:
    """A span as a timeframe would be written: ``1m``, ``90s``."""
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)):
        if ns % (size * 1_000_000_000) == 0:
            return f"{ns // (size * 1_000_000_000)}{unit}"
    return f"{ns / 1e9:g}s"
