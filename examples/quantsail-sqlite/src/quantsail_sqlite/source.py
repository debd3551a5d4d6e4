"""Candles from a SQLite database: the data source `sqlite`."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path

import attrs
import numpy as np
from quantsail_framework import Bars, Instrument, Timeframe
from quantsail_framework.errors import DataError, MissingSeriesError
from quantsail_framework.ports.data_source import BarRequest

NS_PER_SECOND = 1_000_000_000
QUERY = "SELECT time, open, high, low, close, volume FROM candles WHERE symbol = ? AND timeframe = ? ORDER BY time"


@attrs.frozen
class SqliteSource:
    """Reads the table ``candles``: symbol, timeframe, time (open of the bar, UTC, in seconds since 1970), open, high, low,
    close, volume.
    """

    path: Path = attrs.field(metadata={"doc": "File of the database."})

    def instruments(self, symbols: Sequence[str]) -> Mapping[str, Instrument]:
        """Nothing is known of the markets: no tick, no lot."""
        return {}

    def bars(self, requests: Sequence[BarRequest]) -> Iterator[Bars]:
        """One Bars per request, in their order. Raises DataError for a database that cannot be read."""
        for request in requests:
            yield request.cut(self._read(request.symbol, request.timeframe))

    def _read(self, symbol: str, timeframe: Timeframe) -> Bars:
        """All candles of one market; Bars refuses those that cannot be."""
        try:
            # Read-only, so that a mistyped path makes no empty database.
            with closing(sqlite3.connect(f"{self.path.absolute().as_uri()}?mode=ro", uri=True)) as database:
                rows = database.execute(QUERY, (symbol, str(timeframe))).fetchall()
        except sqlite3.Error as error:
            raise DataError(f"{self.path}: {error}; the option path must name a database with candles") from error
        if not rows:
            raise MissingSeriesError(f"{symbol} {timeframe}: {self.path} has no such candles")
        time, *columns = np.array(rows, np.float64).T
        return Bars(symbol, timeframe, time.astype(np.int64) * NS_PER_SECOND, *columns, origin=str(self.path))
