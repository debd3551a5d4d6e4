"""OctoBot's .data: SQLite with all series of an exchange in one table, read only, by symbol and timeframe."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import numpy as np

from quantsail_data.importers.candles import MAX_ROWS, Job, Rows, counted, rows_place, to_bars
from quantsail_data.importers.clock import counts_to_ns
from quantsail_data.importers.streams import first_bytes, first_line
from quantsail_framework.domain.bars import Bars, Ints
from quantsail_framework.errors import DataError

_MAGIC = b"SQLite format 3\x00"
_CELL_BYTES = 100_000
# Ten thousand instructions of SQLite's machine at a time; a series of a million candles takes a few thousand of them.
_STEP, _MAX_STEPS = 10_000, 50_000
_LATEST = 2**62
_ALLOWED = (sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION)
_FUNCTIONS = ("min", "max", "count")


def read(job: Job) -> Bars:
    """The candles of the asked series. The time of a candle is its first item, which is when it opens.

    ``timestamp`` beside it is when it closes, and is not used. Candles that had not closed when the file was collected
    are left out, with a note.
    """
    if first_bytes(job.path, len(_MAGIC)) != _MAGIC:
        raise DataError(f"{job.where}: not an OctoBot .data file (SQLite)")
    with _opened(job) as database:
        symbol, timeframe = _series(job, database)
        query = "SELECT candle FROM ohlcv WHERE symbol = ? AND time_frame = ? ORDER BY timestamp, rowid LIMIT ?"
        cells = [cell for (cell,) in database.execute(query, (symbol, timeframe.text, MAX_ROWS + 1))]
        collected = _collected(database)
    if len(cells) > MAX_ROWS:
        raise DataError(f"{job.where}: more than {MAX_ROWS:,} candles")
    time, values = _candles(job, cells)
    closed = time + timeframe.ns <= collected if collected is not None else np.ones(len(time), bool)
    if not closed.all():
        count = counted(int((~closed).sum()), "candle")
        job.note(f"{count} left out that had not closed when the file was made")
    return to_bars(job, Rows(time[closed], list(values[closed].T), rows_place), symbol, timeframe)


@contextmanager
def _opened(job: Job) -> Iterator[sqlite3.Connection]:
    """The database, unable to write, to run code of its own, or to run for ever."""
    steps = 0

    def too_long() -> int:
        nonlocal steps
        steps += 1
        return int(steps > _MAX_STEPS)

    address = f"{job.path.resolve().as_uri()}?mode=ro&immutable=1"
    try:
        with closing(sqlite3.connect(address, uri=True)) as database:
            database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _CELL_BYTES)
            database.execute("PRAGMA trusted_schema = OFF")
            database.set_progress_handler(too_long, _STEP)
            database.set_authorizer(_only_reads)
            _check_schema(job, database)
            yield database
    except (sqlite3.Error, UnicodeDecodeError) as error:
        raise DataError(f"{job.where}: damaged, or not an OctoBot .data file ({first_line(error)})") from None


def _only_reads(action: int, _first: str | None, second: str | None, *_: Any) -> int:
    named = action != sqlite3.SQLITE_FUNCTION or second in _FUNCTIONS
    return sqlite3.SQLITE_OK if action in _ALLOWED and named else sqlite3.SQLITE_DENY


def _check_schema(job: Job, database: sqlite3.Connection) -> None:
    """Data files have plain tables and indices; a view or trigger would be somebody's program."""
    found = database.execute("SELECT type, name, sql FROM sqlite_master LIMIT 1000").fetchall()
    for kind, name, sql in found:
        program = any(word in str(sql or "").upper() for word in ("VIRTUAL", "GENERATED"))
        if kind not in ("table", "index") or program:
            raise DataError(f"{job.where}: {str(name)[:40]!r} is no plain table ({kind}); this is no file of OctoBot")
    if ("table", "ohlcv") not in [(kind, name) for kind, name, _ in found]:
        raise DataError(f"{job.where}: no table ohlcv; this is no file of OctoBot's candles")


def _series(job: Job, database: sqlite3.Connection) -> tuple[str, Any]:
    """The asked symbol and timeframe, or those of the only series; else DataError with what there is."""
    query = "SELECT exchange_name, symbol, time_frame, count(*) FROM ohlcv GROUP BY 1, 2, 3 LIMIT 1000"
    there = database.execute(query).fetchall()
    asked = (job.options.symbol, job.options.timeframe and job.options.timeframe.text)
    fits = [
        (symbol, length) for _, symbol, length, _ in there if asked[0] in (None, symbol) and asked[1] in (None, length)
    ]
    if len(fits) != 1:
        names = {f"{symbol} {length}" for _, symbol, length, _ in there}
        listed = ", ".join(name[:40] for name in sorted(names)[:30]) or "none"
        problem = "of several exchanges the file has the same series" if len(set(fits)) < len(fits) else None
        want = problem or ("say which series, by symbol and timeframe" if fits else "the series asked for is not there")
        raise DataError(f"{job.where}: {want}; it has {listed}")
    symbol, length = fits[0]
    return symbol, job.timeframe(length)


def _collected(database: sqlite3.Connection) -> int | None:
    """When the file was made, ns; None where it does not say."""
    try:
        (stamp,) = database.execute("SELECT max(timestamp) FROM description").fetchone()
    except sqlite3.OperationalError:
        return None
    return int(stamp * 1_000_000_000) if isinstance(stamp, int | float) and 0 < stamp < 2**33 else None


def _candles(job: Job, cells: list[Any]) -> tuple[Ints, Any]:
    times, values = [], []
    for row, cell in enumerate(cells):
        try:
            opened, *rest = json.loads(cell)
            if len(rest) != 5 or opened != int(opened) or abs(opened) > _LATEST:
                raise ValueError(cell)
            times.append(int(opened))
            values.append([float(value) for value in rest])
        except (TypeError, ValueError, OverflowError, RecursionError):
            text = str(cell)[:60]
            raise DataError(f"{job.where}, row {row}: {text!r} is no candle of six numbers; repair the file") from None
    return counts_to_ns(np.array(times, np.int64), job.where, rows_place), np.array(values).reshape(-1, 5)
