"""Files of strangers: refused by a message that names the file, in bounded memory and time, never unpacked to disk."""

from __future__ import annotations

import gzip
import json
import os
import pickle
import sqlite3
import struct
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq
import pytest

from quantsail_data.importers import ImportOptions, read, streams, tables, text
from quantsail_framework.errors import DataError

resource = pytest.importorskip("resource", reason="peak memory is not told on this system")

KLINES = "BTCUSDT-1h-2023-02"
ROW = "1675209600000,1,2,0.5,1.5,10,1675213199999,10,3,1,1,0\n"
CANDLE = [1675209600000, 1.0, 2.0, 0.5, 1.5, 10.0]


def peak_kib() -> int:
    """The most memory that this process ever had, KiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def refused(path: Path, form: str | None = None, **options: Any) -> str:
    """The message with which a file is refused, without its folder: one line, soon, and without much memory."""
    before, began = peak_kib(), time.monotonic()
    with pytest.raises(DataError) as caught:
        read(path, form, ImportOptions(**options))
    assert time.monotonic() - began < 20
    assert peak_kib() - before < 200 * 1024
    message = str(caught.value)
    assert "\n" not in message
    assert len(message) < 1_000 + len(str(path))
    assert message.startswith(f"{path}")
    return message.removeprefix(str(path)).lstrip(":, ")


@pytest.fixture
def zipped(tmp_path: Path) -> Callable[..., Path]:
    def zipped(*members: tuple[str, str], name: str = f"{KLINES}.zip") -> Path:
        path = tmp_path / name
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for member, content in members:
                archive.writestr(member, content)
        return path

    return zipped


def test_a_zip_bomb_is_stopped_early(tmp_path: Path) -> None:
    path = tmp_path / f"{KLINES}.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open(f"{KLINES}.csv", "w") as member:
        for _ in range(8):
            member.write(ROW.encode() * 20_000)
    assert path.stat().st_size < 200_000
    assert refused(path, "binance-klines") == "unpacks to more than 200 times its size; candles do not, this is a bomb"


def test_a_gzip_bomb_is_stopped_early(tmp_path: Path) -> None:
    path = tmp_path / "BTC_USDT-1h.json.gz"
    row = json.dumps(CANDLE).encode() + b","
    with gzip.open(path, "wb") as file:
        file.write(b"[")
        for _ in range(8):
            file.write(row * 20_000)
    assert refused(path).endswith("candles do not, this is a bomb")


def test_a_file_of_more_text_than_the_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "MAX_BYTES", 1024**2)
    path = tmp_path / f"{KLINES}.csv"
    path.write_text(ROW * 20_000)
    assert refused(path).startswith("more than 0.000976562 GiB of text; split it, or use Parquet")


def test_more_rows_than_the_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text, "MAX_ROWS", 2)
    path = tmp_path / f"{KLINES}.csv"
    path.write_text(ROW * 3)
    assert refused(path) == "more than 2 rows; split the file"


def test_a_line_of_a_hundred_megabytes(tmp_path: Path) -> None:
    path = tmp_path / f"{KLINES}.csv"
    with path.open("w") as file:
        file.write(ROW)
        for _ in range(100):
            file.write("1," * 524_288)
    assert refused(path, "binance-klines") == "line 2: longer than 65,536 characters; this is no table of candles"


@pytest.mark.parametrize(
    "names, problem",
    [
        ((), "a zip with one file is expected, this holds 0 (none); unpack it"),
        (("a.csv", "b.csv"), "a zip with one file is expected, this holds 2 ('a.csv', 'b.csv'); unpack it"),
        (("../../etc/x.csv",), "the zip's file is named '../../etc/x.csv', which leads out of its folder; distrust it"),
        (("/etc/x.csv",), "the zip's file is named '/etc/x.csv', which leads out of its folder; distrust it"),
        (("..\\x.csv",), "which leads out of its folder; distrust it"),
        (("C:x.csv",), "which leads out of its folder; distrust it"),
    ],
)
def test_zips_of_other_shapes(names: tuple[str, ...], problem: str, zipped: Callable[..., Path]) -> None:
    path = zipped(*[(name, ROW) for name in names])
    assert refused(path, "binance-klines").endswith(problem)
    assert list(path.parent.iterdir()) == [path]


def test_a_zip_of_very_many_names(tmp_path: Path) -> None:
    path = tmp_path / f"{KLINES}.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(20_000):
            archive.writestr(f"{number}.csv", "")
    problem = "a zip with one file is expected, this lists thousands or is of zip64; unpack it"
    assert refused(path, "binance-klines") == problem
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(70_000):
            archive.writestr(f"{number}", "")
    assert refused(path, "binance-klines") == problem


def test_an_encrypted_zip(zipped: Callable[..., Path]) -> None:
    path = zipped((f"{KLINES}.csv", ROW))
    data = bytearray(path.read_bytes())
    for magic, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(magic) + offset] |= 1
    path.write_bytes(data)
    assert refused(path, "binance-klines") == "the zip is encrypted; unpack it with its password first"


def test_a_zip_of_another_method(tmp_path: Path) -> None:
    path = tmp_path / f"{KLINES}.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr(f"{KLINES}.csv", ROW)
    assert refused(path, "binance-klines") == "the zip is packed by method 14; pack it by deflate"


@pytest.mark.parametrize("name", [f"{KLINES}.zip", "BTC_USDT-1h.json.gz"])
def test_damaged_and_cut_off_archives(name: str, tmp_path: Path, zipped: Callable[..., Path]) -> None:
    if name.endswith("zip"):
        data = zipped((f"{KLINES}.csv", ROW * 500)).read_bytes()
    else:
        data = gzip.compress(json.dumps([CANDLE] * 500).encode())
    path = tmp_path / name
    path.write_bytes(data[: len(data) // 2])
    assert "damaged or cut off" in refused(path, "binance-klines" if name.endswith("zip") else "freqtrade")
    path.write_bytes(data[:60] + b"\xff\x00\xff" + data[63:])
    assert "download it again" in refused(path, "binance-klines" if name.endswith("zip") else "freqtrade")


@pytest.mark.parametrize(
    "content, problem",
    [
        ("[" * 100_000, "row 0: not a row of plain values, or the file is cut off; download it again"),
        ('{"a": 1}', "not a JSON list of rows such as [[1672531200000, 1.0, 1.2, 0.9, 1.1, 5.0]]"),
        ('[{"date": 1}]', "row 0: not a row of plain values, or the file is cut off; download it again"),
        (f"[{CANDLE}, [1675213200000, NaN, 1, 1, 1, 1]]", "row 1: NaN is no number; repair or remove the row"),
        ("[[1675213200000, 1, Infinity, 1, 1, 1]]", "row 0: Infinity is no number; repair or remove the row"),
        ("[[1675213200000, 1, 1e999, 1, 1, 1]]", "row 0: 'inf' is not a number of a candle or trade"),
        (
            f"[[1675213200000, 1, {'9' * 400}, 1, 1, 1]]",
            "is not a number of a candle or trade; repair or remove the row",
        ),
        ("[[1675213200000, 1, true, 1, 1, 1]]", "row 0: 'True' is not a number of a candle or trade"),
        ('[[1675213200000, 1, "2", 1, 1, 1]]', "row 0: '2' is not a number of a candle or trade"),
        ("[[1675213200000, 1, null, 1, 1, 1]]", "row 0: 'None' is not a number of a candle or trade"),
        ("[[1675213200000, 1, 1, 1, 1]]", "row 0: 5 values, 6 are expected; repair or remove the row"),
        ("[[1.6752132e12, 1, 1, 1, 1, 1]]", "row 0: time 1675213200000.0 is no whole number"),
        (f"[[{'9' * 30}, 1, 1, 1, 1, 1]]", "is no whole number; repair or remove the row"),
        (f"[{CANDLE}, {CANDLE}", "row 2: not a row of plain values, or the file is cut off; download it again"),
        (f"[{CANDLE} {CANDLE}]", "row 1: not a row of plain values, or the file is cut off; download it again"),
        ("[" + " " * 3_000_000, "row 0: not a row of plain values, or the file is cut off"),
        ("[]", "BTC/USDT 1h: the file holds no candles"),
        ("", "not a JSON list of rows such as [[1672531200000, 1.0, 1.2, 0.9, 1.1, 5.0]]"),
    ],
)
def test_json_of_other_shapes(content: str, problem: str, tmp_path: Path) -> None:
    path = tmp_path / "BTC_USDT-1h.json"
    path.write_text(content)
    assert problem in refused(path, "freqtrade")


def columns(**other: Any) -> dict[str, Any]:
    whole = {"open": [1.0], "high": [1.0], "low": [1.0], "close": [1.0], "volume": [1.0]}
    return {"date": pa.array([1675209600000], pa.timestamp("ms", "UTC")), **whole, **other}


@pytest.mark.parametrize("kind", ["feather", "parquet"])
@pytest.mark.parametrize(
    "other, problem",
    [
        ({"close": ["1.0"]}, "column close holds string; store it as float64"),
        ({"close": [pickle.dumps(1.0)]}, "column close holds binary; store it as float64"),
        ({"close": [[1.0]]}, "column close holds list<element: double>; store it as float64"),
        ({"close": [{"a": 1.0}]}, "column close holds struct<a: double>; store it as float64"),
        (
            {"close": pa.array(["1.0"]).dictionary_encode()},
            "column close holds dictionary<values=string, indices=",
        ),
        ({"close": [True]}, "column close holds bool; store it as float64"),
        ({"date": ["2023-01-01"]}, "column date holds string; store times as timestamps (UTC)"),
        ({"date": [1.0]}, "column date holds double; store times as timestamps (UTC)"),
        ({"date": [20230101]}, "row 0: time 20230101 is no count of s, ms, us or ns since 1970 between 1975 and 2200"),
        ({"close": [float("nan")]}, "row 0 (2023-02-01 00:00 UTC): close is not a finite number"),
        ({"close": pa.array([None], pa.float64())}, "row 0: close is missing; repair or remove the row"),
        ({"date": pa.array([2**40], pa.timestamp("s"))}, "times reach beyond the years 1678 to 2262; check their unit"),
    ],
)
def test_columns_of_other_types(kind: str, other: dict[str, Any], problem: str, tmp_path: Path) -> None:
    path = tmp_path / f"BTC_USDT-1h.{kind}"
    table = pa.table(columns(**other))
    feather.write_feather(table, path) if kind == "feather" else pq.write_table(table, path)
    assert problem.replace("element", "item" if kind == "feather" else "element") in refused(path)


def test_columns_that_are_missing_or_there_twice(tmp_path: Path) -> None:
    path = tmp_path / "BTC_USDT-1h.feather"
    found = columns()
    feather.write_feather(pa.table({name: found[name] for name in found if name != "close"}), path)
    assert refused(path) == "0 columns named close, one is expected; it has date, open, high, low, volume"
    twice = pa.Table.from_arrays([pa.array(found[name]) for name in (*found, "open")], names=[*found, "open"])
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, twice.schema) as writer:
        writer.write_table(twice)
    assert refused(path) == "2 columns named open, one is expected; it has date, open, high, low, close, volume, open"


def test_a_feather_file_that_claims_to_unpack_to_a_terabyte(tmp_path: Path) -> None:
    path = tmp_path / "BTC_USDT-1h.feather"
    table = pa.table({name: pa.array(list(column) * 1_000) for name, column in columns().items()})
    feather.write_feather(table, path, compression="lz4")
    data = bytearray(path.read_bytes())
    length = struct.pack("<q", 8_000)
    assert data.count(length) >= 6
    path.write_bytes(data.replace(length, struct.pack("<q", 10**12)))
    assert "damaged, or neither feather nor Parquet" in refused(path)


def test_a_parquet_file_of_more_rows_than_the_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "MAX_ROWS", 1_000)
    path = tmp_path / "BTC_USDT-1h.parquet"
    pq.write_table(pa.table({name: pa.array(list(column) * 1_001) for name, column in columns().items()}), path)
    assert refused(path).startswith("1,001 rows, ")


@pytest.mark.parametrize("kind", ["feather", "parquet"])
def test_damaged_tables(kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"BTC_USDT-1h.{kind}"
    table = pa.table(columns())
    feather.write_feather(table, path) if kind == "feather" else pq.write_table(table, path)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    assert "damaged" in refused(path)
    path.write_bytes(data[:8] + b"\xff" * (len(data) - 16) + data[-8:])
    assert "damaged" in refused(path)


def test_pickles_are_not_read(tmp_path: Path) -> None:
    path = tmp_path / "BTC_USDT-1h.pkl"

    class Bomb:
        def __reduce__(self) -> tuple[Any, ...]:
            return (os.mkdir, (str(tmp_path / "pwned"),))

    path.write_bytes(pickle.dumps(Bomb()))
    for form in (None, "csv", "feather", "freqtrade", "octobot", "binance-klines"):
        assert refused(path, form, symbol="BTC/USDT", timeframe="1h")
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    "rows, problem",
    [
        ((1675209600000, 1675213200), "line 2: time 1675213200 is in s, that of line 1 in ms"),
        ((1735686000000, 1735689600000000), "line 2: time 1735689600000000 is in us, that of line 1 in ms"),
        ((16752096, 16752132), "line 1: time 16752096 is no count of s, ms, us or ns since 1970 between 1975 and 2200"),
    ],
)
def test_units_that_are_mixed_or_none(rows: tuple[int, int], problem: str, tmp_path: Path) -> None:
    path = tmp_path / f"{KLINES}.csv"
    path.write_text("".join(ROW.replace("1675209600000", str(row), 1) for row in rows))
    assert refused(path, "binance-klines").startswith(problem)


@pytest.mark.parametrize(
    "cells, problem",
    [
        ("1675213200000,abc,2,0.5,1.5,10,0,0,0,0,0,0", "line 2: open 'abc' is not a decimal number"),
        ("1675213200000,1_0,2,0.5,1.5,10,0,0,0,0,0,0", "line 2: open '1_0' is not a decimal number"),
        ("1675213200000,,2,0.5,1.5,10,0,0,0,0,0,0", "line 2: open is missing; repair or remove the line"),
        ("1675213200000,nan,2,0.5,1.5,10,0,0,0,0,0,0", "line 2 (2023-02-01 01:00 UTC): open is not a finite number"),
        ("1675213200000,1,2,0.5,1.5,10", "line 2: 6 cells, 12 are expected; repair or remove the line"),
        ("1e12,1,2,0.5,1.5,10,0,0,0,0,0,0", "line 2: time '1e12' is not written like those before it"),
        (",1,2,0.5,1.5,10,0,0,0,0,0,0", "line 2: time is missing; repair or remove the line"),
        (
            "1675213200000,1,2,1.2,1.5,10,0,0,0,0,0,0",
            "low is above open or close (open 1, high 2, low 1.2, close 1.5",
        ),
        (
            "1675209600000,1,2,0.5,1.4,10,0,0,0,0,0,0",
            "line 2 (2023-02-01 00:00 UTC): time is that of line 1 with",
        ),
        (
            "1675206000000,1,2,0.5,1.5,10,0,0,0,0,0,0",
            "line 2 (2023-01-31 23:00 UTC): time is earlier than the row before",
        ),
        (
            "1675211400000,1,2,0.5,1.5,10,0,0,0,0,0,0",
            "line 2 (2023-02-01 00:30 UTC): opens 30m after the candle",
        ),
        ('"' + "x\n" * 100_000 + '",1', "field larger than field limit (131072); repair or remove the line"),
    ],
)
def test_bad_lines(cells: str, problem: str, tmp_path: Path) -> None:
    path = tmp_path / f"{KLINES}.csv"
    path.write_text(ROW + cells + "\n")
    assert problem in refused(path, "binance-klines")


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    path = tmp_path / f"{KLINES}.csv"
    path.write_bytes(ROW.encode() + b"\xff\xfe\x00")
    assert refused(path, "binance-klines") == "not text in utf-8; save it as UTF-8"


def database(path: Path, *statements: str) -> Path:
    connection = sqlite3.connect(path)
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()
    return path


TABLE = "CREATE TABLE ohlcv (timestamp datetime, exchange_name text, symbol text, time_frame text, candle)"
INSERT = "INSERT INTO ohlcv VALUES (1675213200, 'binance', 'BTC/USDT', '1h', '{}')"
BOMB = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT 1 AS timestamp, 'a' AS exchange_name, "


@pytest.mark.parametrize(
    "statements, problem",
    [
        (
            (f"CREATE VIEW ohlcv AS {BOMB} 'b' AS symbol, '1h' AS time_frame, x AS candle FROM n",),
            "'ohlcv' is no",
        ),
        (
            (TABLE, "CREATE TRIGGER t AFTER INSERT ON ohlcv BEGIN DELETE FROM ohlcv; END"),
            "'t' is no plain table",
        ),
        (("CREATE VIRTUAL TABLE ohlcv USING fts5(candle)",), "'ohlcv' is no plain table (table)"),
        (("CREATE TABLE other (a)",), "no table ohlcv; this is no file of OctoBot's candles"),
        (("CREATE TABLE ohlcv (a)",), "damaged, or not an OctoBot .data file (no such column"),
        ((TABLE,), "say which series"),
        ((TABLE, INSERT.format("[1, 2]")), "row 0: '[1, 2]' is no candle of six numbers; repair the file"),
        ((TABLE, INSERT.format('{"a": 1}')), "is no candle of six numbers; repair the file"),
        ((TABLE, INSERT.format("[1675209600, 1, 1, 1, 1, NaN]")), "volume is not a finite number"),
        ((TABLE, INSERT.format("[1e300, 1, 1, 1, 1, 1]")), "is no candle of six numbers; repair the file"),
        ((TABLE, INSERT.format("[" * 5_000)), "is no candle of six numbers; repair the file"),
        ((TABLE, INSERT.format("x" * 200_000)), "string or blob too big"),
        ((TABLE, INSERT.format("[1675209600.5, 1, 1, 1, 1, 1]")), "is no candle of six numbers; repair the file"),
    ],
)
def test_databases_of_other_shapes(statements: tuple[str, ...], problem: str, tmp_path: Path) -> None:
    path = database(tmp_path / "x.data", *statements)
    before = path.read_bytes()
    message = refused(path)
    assert problem in message or (problem == "say which series" and "it has none" in message)
    assert (path.read_bytes(), list(tmp_path.iterdir())) == (before, [path])


def test_what_only_looks_like_a_database(tmp_path: Path) -> None:
    path = tmp_path / "x.data"
    path.write_bytes(b"SQLite format 3\x00" + b"\xff" * 4_096)
    assert "damaged, or not an OctoBot .data file" in refused(path)
    path.write_text("hello")
    assert refused(path, "octobot") == "not an OctoBot .data file (SQLite)"


def test_what_is_no_file(tmp_path: Path) -> None:
    assert refused(tmp_path / "none.csv") == "cannot be read (No such file or directory)"
    assert refused(tmp_path) == "not a file; name the files to import one by one"
    fifo = tmp_path / "pipe.csv"
    os.mkfifo(fifo)
    assert refused(fifo) == "not a file; name the files to import one by one"
    (tmp_path / "empty.csv").write_text("")
    assert "of no known format; say which" in refused(tmp_path / "empty.csv")


def test_a_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "real.csv").write_text(ROW)
    link = tmp_path / f"{KLINES}.csv"
    link.symlink_to(tmp_path / "real.csv")
    assert len(read(link).bars) == 1


def test_names_that_are_no_text(tmp_path: Path, zipped: Callable[..., Path]) -> None:
    """Found by changing bytes at random."""
    path = zipped((f"{KLINES}é.csv", ROW))
    path.write_bytes(path.read_bytes().replace("é".encode(), b"\x80\x80"))
    assert refused(path, "binance-klines").startswith("damaged or cut off ('utf-8' codec can't decode")
    path = tmp_path / "BTC_USDT-1h.feather"
    feather.write_feather(pa.table({**columns(), "é": [1.0]}), path)
    path.write_bytes(path.read_bytes().replace("é".encode(), b"\x80\x80"))
    assert refused(path, "freqtrade").startswith("damaged or cut off ('utf-8' codec can't decode")
