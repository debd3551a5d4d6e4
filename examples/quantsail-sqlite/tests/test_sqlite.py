"""`sqlite` on candles worked by hand."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from quantsail_framework import Bars, Timeframe
from quantsail_framework.errors import DataError, MissingSeriesError
from quantsail_framework.ports.data_source import BarRequest
from quantsail_framework.testing import markets

from quantsail_sqlite.source import SqliteSource

Database = Callable[[Sequence[Bars]], Path]
REQUEST = BarRequest("BTC/USDT", Timeframe("5m"))


def test_rows_come_back_as_candles(database: Database) -> None:
    series = [markets.of_closes([10.0, 11.0], symbol=symbol) for symbol in ("BTC/USDT", "ETH/USDT")]
    (bars,) = SqliteSource(database(series)).bars([REQUEST])
    assert bars.content_hash == series[0].content_hash


def test_rows_in_any_order_are_sorted_by_time(database: Database) -> None:
    bars = markets.of_closes([10.0, 11.0, 12.0], symbol="BTC/USDT")
    shuffled = [bars.slice(2, 3), bars.slice(0, 1), bars.slice(1, 2)]
    (read,) = SqliteSource(database(shuffled)).bars([REQUEST])
    assert read.close.tolist() == [10.0, 11.0, 12.0]


def test_a_market_without_candles_is_named(database: Database) -> None:
    with pytest.raises(MissingSeriesError, match=r"BTC/USDT 5m: .*candles.db has no such candles"):
        list(SqliteSource(database([])).bars([REQUEST]))


def test_a_missing_database_is_named_and_not_made(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nowhere.db: unable to open database file; the option path must name"):
        list(SqliteSource(tmp_path / "nowhere.db").bars([REQUEST]))
    assert list(tmp_path.iterdir()) == []


def test_a_database_without_the_table_is_named(tmp_path: Path) -> None:
    sqlite3.connect(tmp_path / "other.db").close()
    with pytest.raises(DataError, match=r"other.db: no such table: candles"):
        list(SqliteSource(tmp_path / "other.db").bars([REQUEST]))
