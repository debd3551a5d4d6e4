"""Whatever bytes are changed in a file, it is read or refused: no other error, no warning, no candle that is none."""

from __future__ import annotations

import gzip
import io
import json
import sqlite3
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quantsail_data.importers import ImportOptions, read
from quantsail_framework.errors import DataError

HOURS = [1672531200 + 3600 * hour for hour in range(40)]
TABLE = {
    "date": [hour * 1000 for hour in HOURS],
    **dict.fromkeys(("open", "high", "low", "close", "volume"), [1.5] * 40),
}


def lines(row: str, header: str = "") -> bytes:
    return (header + "".join(row.format(time) for time in HOURS)).encode()


def zipped(name: str, content: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return buffer.getvalue()


def written(write: Callable[[pa.Table, io.BytesIO], None]) -> bytes:
    buffer = io.BytesIO()
    write(pa.table(TABLE), buffer)
    return buffer.getvalue()


def database() -> bytes:
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE ohlcv (timestamp, exchange_name, symbol, time_frame, candle)")
    rows = [(time, "binance", "BTC/USDT", "1h", json.dumps([time, 1, 1, 1, 1, 1])) for time in HOURS]
    connection.executemany("INSERT INTO ohlcv VALUES (?, ?, ?, ?, ?)", rows)
    connection.commit()
    return connection.serialize()


KLINES = lines("{}000,1,2,0.5,1.5,10,0,0,0,0,0,0\n")
CANDLES = json.dumps([[time * 1000, 1, 1, 1, 1, 1] for time in HOURS]).encode()
FILES = {
    "BTCUSDT-1h-2023-01.csv": ("binance-klines", KLINES),
    "BTCUSDT-1h-2023-01.zip": ("binance-klines", zipped("BTCUSDT-1h-2023-01.csv", KLINES)),
    "X_BTCUSD_1h.csv": (
        "cryptodatadownload",
        lines("{},BTC/USD,1,2,0.5,1.5,10,15\n", "unix,symbol,open,high,low,close,Volume BTC,Volume USD\n"),
    ),
    "BTC_USDT-1h.csv": ("csv", lines("{},1,2,0.5,1.5,10\n", "time,open,high,low,close,volume\n")),
    "BTC_USDT-1h.json": ("freqtrade", CANDLES),
    "BTC_USDT-1h.json.gz": ("freqtrade", gzip.compress(CANDLES)),
    "BTC_USDT-1h.feather": (
        "freqtrade",
        written(lambda table, to: feather.write_feather(table, to, compression="lz4")),
    ),
    "BTC_USDT-1h.parquet": ("parquet", written(pq.write_table)),
    "XBTUSD.csv": ("kraken-trades", lines("{},1.5,10\n")),
    "x.zip": (
        "lean",
        zipped("20230101_btcusd_minute_trade.csv", b"".join(b"%d,1,1,1,1,1\n" % (60000 * i) for i in range(40))),
    ),
    "EURUSD60.csv": ("metatrader", b"".join(b"2023.07.03,%02d:00,1,2,0.5,1.5,10\n" % hour for hour in range(24))),
    "x.data": ("octobot", database()),
}


@pytest.mark.parametrize("name", FILES)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damage(name: str, data: st.DataObject, tmp_path: Path) -> None:
    form, content = FILES[name]
    spots = data.draw(st.lists(st.tuples(st.integers(0, len(content) - 1), st.binary(max_size=3)), max_size=4))
    damaged = bytearray(content)
    for spot, change in spots:
        damaged[spot : spot + len(change) or spot + 1] = change
    path = tmp_path / name
    path.write_bytes(damaged)
    options = {
        "lean": ImportOptions(),
        "kraken-trades": ImportOptions(timeframe="1h"),
        "metatrader": ImportOptions(zone="Europe/Athens"),
    }
    try:
        bars = read(path, form, options.get(form, ImportOptions())).bars
    except DataError as error:
        message = str(error)
    else:
        message = f"{path}: read"
        assert np.isfinite(bars.close).all()
        assert (np.diff(bars.time) > 0).all()
    assert str(path) in message


@pytest.mark.parametrize("name", FILES)
def test_undamaged(name: str, tmp_path: Path) -> None:
    form, content = FILES[name]
    path = tmp_path / name
    path.write_bytes(content)
    timeframe = "1h" if form == "kraken-trades" else None
    zone = "UTC" if form == "metatrader" else None
    assert len(read(path, form, ImportOptions(timeframe=timeframe, zone=zone)).bars) == (24 if zone else 40)
