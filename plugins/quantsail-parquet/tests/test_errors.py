"""What a user reads when candles are missing or cannot be trusted: file, symbol, row, time, and what to do."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from quantsail_framework.domain.bars import Bars
from quantsail_framework.errors import DataError
from quantsail_parquet import row_groups
from quantsail_parquet.source import CsvSource, ParquetSource

HOUR = 3_600_000_000_000
START = 1_672_531_200_000_000_000

Hours = Callable[..., dict[str, Any]]
Write = Callable[..., Path]
Load = Callable[..., Bars]


def message(load: Load, *arguments: Any, **options: Any) -> str:
    with pytest.raises(DataError) as caught:
        load(*arguments, **options)
    text = str(caught.value)
    assert "\n" not in text
    return text


# --- finding the file -------------------------------------------------------------------------------------------


def test_missing_symbol_names_near_matches(hours: Hours, write: Write, load: Load, tmp_path: Path) -> None:
    for name in ("BTC_USDT-1h", "BTC_USDT-1d", "ETH_USDT-1h"):
        write(hours(3), f"{name}.parquet")
    assert message(load, "BTCUSDT") == (
        f"{tmp_path}: no candles of BTCUSDT 1h (no file BTCUSDT-1h.parquet); "
        "did you mean 'BTC/USDT'? it has BTC/USDT (1h, 1d), ETH/USDT (1h)"
    )
    assert "did you mean 'ETH/USDT'?" in message(load, "eth/usdt")
    assert "did you mean" not in message(load, "ZZZ/PLN")


def test_missing_timeframe_names_those_of_the_symbol(hours: Hours, write: Write, load: Load, tmp_path: Path) -> None:
    for name in ("BTC_USDT-1d", "BTC_USDT-5m", "ETH_USDT-1h"):
        write(hours(3), f"{name}.parquet")
    assert (
        message(load)
        == f"{tmp_path}: no candles of BTC/USDT 1h (no file BTC_USDT-1h.parquet); of BTC/USDT it has 5m, 1d"
    )


def test_long_lists_are_cut(write: Write, hours: Hours, load: Load) -> None:
    for index in range(11):
        write(hours(1), f"S{index:02}_USDT-1h.parquet")
    assert message(load, "ZZZ/PLN").endswith("S06/USDT (1h), S07/USDT (1h) and 3 more")


def test_pattern_lists_what_matches(hours: Hours, write: Write, load: Load, tmp_path: Path) -> None:
    write(hours(3), "BTC_USDT/1h.parquet")
    write(hours(3), "notes/readme.parquet")
    text = message(load, "ETH/USDT", path=tmp_path / "{symbol}" / "{timeframe}.parquet")
    assert (
        text == f"{tmp_path}: no candles of ETH/USDT 1h (no file {Path('ETH_USDT/1h.parquet')}); it has BTC/USDT (1h)"
    )


def test_folder_without_candles(load: Load, tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("nothing here")
    assert message(load).endswith("the folder has no file named like {symbol}-{timeframe}.parquet")


def test_missing_folder_names_its_sibling(load: Load, tmp_path: Path) -> None:
    (tmp_path / "binance").mkdir()
    text = message(load, path=tmp_path / "binanse")
    assert text == (
        f"{tmp_path / 'binanse'}: no candles of BTC/USDT 1h, for there is no such folder; "
        f"mend [data] path; did you mean {str(tmp_path / 'binance')!r}?"
    )
    assert "did you mean" not in message(load, path=tmp_path / "elsewhere" / "binance")


def test_path_of_a_file(hours: Hours, write: Write, load: Load) -> None:
    path = write(hours(3))
    assert message(load, path=path).startswith(f"{path}: no candles of BTC/USDT 1h, for this is a file;")


def test_directory_and_pipe_in_place_of_the_file(load: Load, tmp_path: Path) -> None:
    (tmp_path / "BTC_USDT-1h.parquet").mkdir()
    assert message(load) == f"{tmp_path / 'BTC_USDT-1h.parquet'}: candles of BTC/USDT cannot be read (not a file)"
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "BTC_USDT-1d.parquet")
        assert message(load, timeframe="1d").endswith("(not a file)")


def test_link_that_leads_nowhere(load: Load, tmp_path: Path) -> None:
    (tmp_path / "BTC_USDT-1h.parquet").symlink_to(tmp_path / "BTC_USDT-1h.parquet")
    assert "BTC_USDT-1h.parquet: candles of BTC/USDT cannot be read (" in message(load)


@pytest.mark.parametrize("mode", [0o000, 0o311], ids=["closed", "not listable"])
def test_unreadable_folder(mode: int, load: Load, open_folder: Path, request: pytest.FixtureRequest) -> None:
    open_folder.chmod(mode)
    request.getfixturevalue("as_nobody")
    text = message(load, path=open_folder)
    assert text.startswith(str(open_folder))
    assert "candles of BTC/USDT" in text
    assert text.endswith("(Permission denied)")


@pytest.mark.parametrize("csv", [False, True], ids=["parquet", "csv"])
def test_unreadable_file(csv: bool, load: Load, open_folder: Path, request: pytest.FixtureRequest) -> None:
    path = open_folder / f"BTC_USDT-1h.{'csv' if csv else 'parquet'}"
    path.write_text("")
    path.chmod(0)
    request.getfixturevalue("as_nobody")
    assert message(load, path=open_folder, csv=csv) == f"{path}: candles of BTC/USDT cannot be read (Permission denied)"


@pytest.mark.parametrize(
    "symbol",
    ["../../x", "/etc/passwd", "..", ".", "", "BTC/../x", "a\\b", "BTC/USDT\0", "BTC\n", "BTC//USDT", "~/x", "*/USDT"],
)
@pytest.mark.parametrize("source", [ParquetSource, CsvSource])
def test_no_symbol_leads_out_of_the_folder(symbol: str, source: type[Any], load: Load, tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "{symbol}" / "{timeframe}.parquet"):
        with pytest.raises(DataError, match="cannot be part of a file name; write it like 'BTC/USDT'"):
            load(symbol, path=path, csv=source is CsvSource)


@pytest.mark.parametrize(
    "symbol, name",
    [
        ("BTC/USDT", "BTC_USDT"),
        ("BTC/USDT:USDT", "BTC_USDT_USDT"),
        ("BRK.B", "BRK.B"),
        ("^GSPC", "^GSPC"),
        ("币/USDT", "币_USDT"),
    ],
)
def test_symbols_as_file_names(symbol: str, name: str, hours: Hours, write: Write, load: Load) -> None:
    write(hours(2), f"{name}-1h.parquet")
    assert load(symbol).symbol == symbol


def test_d024_the_timeframe_and_market_type_are_part_of_the_name(hours: Hours, write: Write, load: Load) -> None:
    write(hours(5), "BTC_USDT-1h.parquet")
    write(hours(3), "BTC_USDT-5m.parquet")
    write(hours(2), "BTC_USDT_USDT-1h.parquet")
    assert [len(load()), len(load(timeframe="5m")), len(load("BTC/USDT:USDT"))] == [5, 3, 2]
    for bad in (
        "data/{symbol}.parquet",
        "data/{timeframe}/x.parquet",
        "{symbol}-{timeframe}-{exchange}",
        "{}/{symbol}{timeframe}",
    ):
        with pytest.raises(ValueError, match=r"must have \{symbol\} and \{timeframe\} and no other placeholder"):
            ParquetSource(Path(bad))


# --- files that are not candles ---------------------------------------------------------------------------------


@pytest.mark.parametrize("content", [b"", b"not parquet at all", b"PAR1" + bytes(100) + b"PAR1"])
def test_not_a_parquet_file(content: bytes, load: Load, tmp_path: Path) -> None:
    path = tmp_path / "BTC_USDT-1h.parquet"
    path.write_bytes(content)
    text = message(load)
    assert text.startswith(f"{path}: candles of BTC/USDT cannot be read")


def test_truncated_and_damaged_files(hours: Hours, write: Write, load: Load) -> None:
    path = write(hours(500))
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    assert f"{path}: candles of BTC/USDT cannot be read" in message(load)
    path.write_bytes(whole[:4] + bytes(len(whole) // 2) + whole[4 + len(whole) // 2 :])
    assert f"{path}: candles of BTC/USDT cannot be read" in message(load)


def test_missing_columns_are_named(hours: Hours, write: Write, load: Load) -> None:
    columns = hours(3)
    columns["Time"] = columns.pop("timestamp")
    del columns["volume"]
    path = write(columns)
    assert message(load) == (
        f"{path}: BTC/USDT 1h: no column timestamp, volume; needed are timestamp, open, high, low, close, volume; "
        "found are open, high, low, close, Time"
    )


def test_column_that_is_there_twice(hours: Hours, tmp_path: Path, load: Load) -> None:
    import pyarrow.parquet as pq

    columns = hours(3)
    arrays = [pa.array(column) for column in (*columns.values(), columns["close"])]
    pq.write_table(pa.Table.from_arrays(arrays, names=[*columns, "close"]), tmp_path / "BTC_USDT-1h.parquet")
    assert "column close is there more than once; keep one" in message(load)


@pytest.mark.parametrize(
    "column, values, kind",
    [
        ("close", [{"a": 1.0}, {"a": 2.0}], "struct<a: double>"),
        ("close", [[1.0], [2.0]], "list<"),
        ("open", ["100.0", "101.0"], "string"),
        ("volume", [b"1", b"2"], "binary"),
        ("high", [True, False], "bool"),
        ("low", [None, None], "null"),
        ("timestamp", [1.6725312e9, 1.6725348e9], "double"),
        ("timestamp", ["2023-01-01", "2023-01-02"], "string"),
    ],
)
def test_columns_of_the_wrong_kind(
    column: str, values: list[Any], kind: str, hours: Hours, write: Write, load: Load
) -> None:
    path = write(hours(2) | {column: pa.array(values)})
    assert f"{path}: BTC/USDT 1h: column {column} holds {kind}" in message(load)
    assert "; store it as " in message(load)


def test_absurd_sizes(hours: Hours, write: Write, load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(hours(100), row_group_size=10)
    monkeypatch.setattr(row_groups, "MAX_ROWS", 30)
    assert message(load) == f"{path}: BTC/USDT 1h: 100 rows to read, above 30; narrow [data] start and end"
    assert len(load(start_ns=START + 70 * HOUR)) == 30


# --- candles that cannot be trusted: the row is that of the file, however little of it is read ---------------------


def broken(hours: Hours, column: str, value: float) -> dict[str, Any]:
    columns = hours(100)
    columns[column][57] = value
    return columns


BROKEN = [
    ("close", np.nan, "close is not a finite number"),
    ("high", np.inf, "high is not a finite number"),
    ("low", 0.0, "low is not above zero"),
    ("open", -1.0, "open is not above zero"),
    ("volume", -1.0, "volume is negative"),
    ("high", 157.0, "high is below open or close"),
    ("low", 158.0, "low is above open or close"),
]


@pytest.mark.parametrize(
    "bounds", [{}, {"start_ns": START + 50 * HOUR, "warmup": 3}, {"start_ns": START + 57 * HOUR}], ids=str
)
@pytest.mark.parametrize("column, value, problem", BROKEN, ids=[text for _, _, text in BROKEN])
def test_d051_bad_values(
    column: str, value: float, problem: str, bounds: dict[str, int], hours: Hours, write: Write, load: Load
) -> None:
    columns = broken(hours, column, value)
    path = write(columns, row_group_size=25)
    candle = ", ".join(f"{name} {columns[name][57]:g}" for name in ("open", "high", "low", "close", "volume"))
    # Row 57 opens 57 hours after 2023-01-01 00:00: on the 3rd at 09:00.
    told = f"{problem} ({candle}); repair or remove the candle"
    assert message(load, **bounds) == f"{path}: BTC/USDT 1h, row 57 (2023-01-03 09:00 UTC): {told}"


def test_bad_values_outside_the_range_do_not_matter(hours: Hours, write: Write, load: Load) -> None:
    write(broken(hours, "close", np.nan))
    assert len(load(start_ns=START + 60 * HOUR, warmup=2)) == 42


def test_a_file_without_rows_is_told(hours: Hours, write: Write, load: Load) -> None:
    path = write({name: column[:0] for name, column in hours(5).items()})
    assert message(load) == f"{path}: BTC/USDT 1h: the file holds no candles"


@pytest.mark.parametrize("start", [None, START + 50 * HOUR])
@pytest.mark.parametrize("groups", [10, 1_000])
def test_d018_repeated_time(groups: int, start: int | None, hours: Hours, write: Write, load: Load) -> None:
    columns = hours(100)
    columns["timestamp"][70] = columns["timestamp"][69]
    path = write(columns, row_group_size=groups)
    assert message(load, start_ns=start) == (
        f"{path}: BTC/USDT 1h, row 70 (2023-01-03 21:00 UTC): "
        "time is repeated; sort the candles by time and drop duplicates"
    )


@pytest.mark.parametrize("start", [None, START + 50 * HOUR])
@pytest.mark.parametrize("groups", [10, 1_000])
def test_d051_unsorted_times(groups: int, start: int | None, hours: Hours, write: Write, load: Load) -> None:
    columns = {name: column[::-1] for name, column in hours(100).items()}
    path = write(columns, row_group_size=groups)
    # Row 1 of the reversed file is the candle of hour 98: on the 5th at 02:00.
    assert message(load, start_ns=start) == (
        f"{path}: BTC/USDT 1h, row 1 (2023-01-05 02:00 UTC): "
        "time is earlier than the row before; sort the candles by time and drop duplicates"
    )


@pytest.mark.parametrize("bounds", [{}, {"start_ns": START + 50 * HOUR}])
def test_missing_values(bounds: dict[str, int], hours: Hours, write: Write, load: Load) -> None:
    columns = hours(100)
    columns["volume"] = pa.array([None if row == 57 else 1.0 for row in range(100)])
    path = write(columns, row_group_size=25)
    assert message(load, **bounds) == (
        f"{path}: BTC/USDT 1h, row 57 (2023-01-03 09:00 UTC): volume is missing; repair or remove the candle"
    )
    columns = hours(100)
    columns["timestamp"] = pa.array(columns["timestamp"], mask=np.arange(100) == 57)
    write(columns, row_group_size=25)
    assert message(load, **bounds) == (
        f"{path}: BTC/USDT 1h, row 57: timestamp is missing; repair or remove the candle"
    )
