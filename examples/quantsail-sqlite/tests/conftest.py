"""Databases for the tests."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

import pytest
from quantsail_framework import Bars

TABLE = "CREATE TABLE candles (symbol, timeframe, time, open, high, low, close, volume)"


@pytest.fixture
def database(tmp_path: Path) -> Callable[[Sequence[Bars]], Path]:
    """``database(series)``: a file with these candles."""

    def make(series: Sequence[Bars]) -> Path:
        file = tmp_path / "candles.db"
        with closing(sqlite3.connect(file)) as connection, connection:
            connection.execute(TABLE)
            for bars in series:
                columns = (bars.time // 1_000_000_000, bars.open, bars.high, bars.low, bars.close, bars.volume)
                rows = zip(*(column.tolist() for column in columns), strict=True)
                named = [(bars.symbol, str(bars.timeframe), *row) for row in rows]
                connection.executemany("INSERT INTO candles VALUES (?, ?, ?, ?, ?, ?, ?, ?)", named)
        return file

    return make
