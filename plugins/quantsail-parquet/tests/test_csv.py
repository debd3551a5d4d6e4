"""Reading CSV: times as people write them, and errors that name the line."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.csv as pc
import pyarrow.parquet as pq
import pytest

from quantsail_framework.domain.bars import Bars
from quantsail_framework.errors import DataError

HOUR = 3_600_000_000_000
START = 1_672_531_200_000_000_000
HEADER = "timestamp,open,high,low,close,volume"

Load = Callable[..., Bars]


@pytest.fixture
def text(tmp_path: Path) -> Callable[..., Path]:
    """Writes lines as the file of BTC/USDT 1h."""

    def text(*lines: str, newline: str = "\n", encoding: str = "utf-8") -> Path:
        path = tmp_path / "BTC_USDT-1h.csv"
        path.write_bytes(newline.join((*lines, "")).encode(encoding))
        return path

    return text


def lines(size: int) -> list[str]:
    """Hourly candles from 2023-01-01 00:00, line i + 2 of the file opening at 100 + i."""
    moments = [datetime.fromtimestamp(START // 10**9 + 3_600 * row, UTC) for row in range(size)]
    return [
        f"{moment:%Y-%m-%d %H:%M:%S},{100 + i},{101 + i},{99 + i}.0,{100 + i}.5,1e1" for i, moment in enumerate(moments)
    ]


def message(load: Load, **options: Any) -> str:
    with pytest.raises(DataError) as caught:
        load(csv=True, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    "first, second",
    [
        ("2023-01-01 00:00:00", "2023-01-01 01:00:00"),
        ("2023-01-01T00:00", "2023-01-01T01:00"),
        ("2023-01-01T00:00:00Z", "2023-01-01T01:00:00Z"),
        ("2023-01-01T02:00:00+02:00", "2023-01-01T02:00:00+01:00"),
        ("2023-01-01 00:00:00.000", "2023-01-01 01:00:00.000"),
        ("1672531200", "1672534800"),
        ("1672531200000", "1672534800000"),
        ("1672531200000000", "1672534800000000"),
        ("1672531200000000000", "1672534800000000000"),
    ],
)
def test_times(first: str, second: str, text: Callable[..., Path], load: Load) -> None:
    text(HEADER, f"{first},1,2,0.5,1.5,0", f"{second},1,2,0.5,1.5,3")
    bars = load(csv=True)
    assert bars.time.tolist() == [START, START + HOUR]
    assert bars.close.tolist() == [1.5, 1.5]


def test_dates(tmp_path: Path, load: Load) -> None:
    (tmp_path / "GOOGL_USD-1d.csv").write_text(f"{HEADER}\n2023-01-01,1,2,0.5,1.5,0\n2023-01-02,1,2,0.5,1.5,3\n")
    assert load("GOOGL/USD", "1d", csv=True).time.tolist() == [START, START + 24 * HOUR]


def test_windows_lines_byte_order_mark_empty_lines_and_other_columns(text: Callable[..., Path], load: Load) -> None:
    rows = [f'"a, ""b""",{line}' for line in lines(3)]
    text(f"note,{HEADER}", rows[0], "", *rows[1:], "", newline="\r\n", encoding="utf-8-sig")
    assert load(csv=True).open.tolist() == [100.0, 101.0, 102.0]


def test_range_and_warmup(text: Callable[..., Path], load: Load) -> None:
    text(HEADER, *lines(50))
    bars = load(csv=True, start_ns=START + 30 * HOUR, end_ns=START + 40 * HOUR, warmup=5)
    assert bars.open.tolist() == [100.0 + row for row in range(25, 40)]
    assert len(load(csv=True, start_ns=START + 50 * HOUR, warmup=5)) == 0


def test_a_file_with_a_header_only_is_told(text: Callable[..., Path], load: Load) -> None:
    path = text(HEADER)
    assert message(load) == f"{path}: BTC/USDT 1h: the file holds no candles"


def test_a_file_below_the_working_directory_is_named_from_there(
    text: Callable[..., Path], load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text(HEADER, "2023-01-01 00:00:00,1,2,3,1,1")
    monkeypatch.chdir(tmp_path.parent)
    assert message(load) == (
        f"{tmp_path.name}/BTC_USDT-1h.csv: BTC/USDT 1h, line 2 (2023-01-01 00:00 UTC): low is above open or close "
        "(open 1, high 2, low 3, close 1, volume 1); repair or remove the candle"
    )
    assert message(load, symbol="ETH/USDT").startswith(f"{tmp_path.name}: no candles of ETH/USDT 1h")


def test_header_is_required(text: Callable[..., Path], load: Load) -> None:
    path = text(*lines(3))
    assert message(load).startswith(
        f"{path}: BTC/USDT 1h, line 1 (the header): no column timestamp, open, high, low, close, volume;"
    )
    path.write_text("")
    assert message(load).endswith("found are none")
    text(HEADER.replace(",", ";"), *lines(3))
    assert message(load).endswith(f"found are {HEADER.replace(',', ';')}")
    text(f"{HEADER},close", *[f"{line},1" for line in lines(3)])
    assert message(load).endswith("column close is there more than once; keep one")


@pytest.mark.parametrize(
    "line, problem",
    [
        ("2023-01-02 06:00:00,130,131,129", "4 cells, the header has 6; repair or remove the line"),
        ("2023-01-02 06:00:00,130,131,129,130,1,7", "7 cells, the header has 6; repair or remove the line"),
        ("2023-01-02 06:00:00,abc,131,129,130,1", "open 'abc' is not a decimal number; repair or remove the line"),
        (
            '2023-01-02 06:00:00,"1,300",1310,129,130,1',
            "open '1,300' is not a decimal number; repair or remove the line",
        ),
        (
            "yesterday,130,131,129,130,1",
            "timestamp 'yesterday' is not written like those before it; repair or remove the line",
        ),
        (
            "1672617600,130,131,129,130,1",
            "timestamp '1672617600' is not written like those before it; repair or remove the line",
        ),
        ("2023-01-02T06:00:00Z,130,131,129,130,1", "is not written like those before it; repair or remove the line"),
    ],
)
def test_bad_lines_are_named(line: str, problem: str, text: Callable[..., Path], load: Load) -> None:
    rows = lines(100)
    rows[30] = line
    path = text(HEADER, *rows)
    # 30 candles and the header come before it.
    found = message(load)
    assert found.startswith(f"{path}: BTC/USDT 1h, line 32: ")
    assert found.endswith(problem)


@pytest.mark.parametrize(
    "cells, problem",
    [
        ("130,131,129,nan,1", "close is not a finite number (open 130, high 131, low 129, close nan, volume 1)"),
        ("130,131,129,,1", "close is missing"),
        ("130,129.5,129,130,1", "high is below open or close (open 130, high 129.5, low 129, close 130, volume 1)"),
        ("130,131,129,130,-1", "volume is negative (open 130, high 131, low 129, close 130, volume -1)"),
    ],
)
@pytest.mark.parametrize("bounds", [{}, {"start_ns": START + 20 * HOUR}], ids=["whole", "part"])
def test_d051_bad_values_name_the_line(
    cells: str, problem: str, bounds: dict[str, int], text: Callable[..., Path], load: Load
) -> None:
    rows = lines(100)
    rows[30] = f"2023-01-02 06:00:00,{cells}"
    path = text(HEADER, "", *rows)
    # The header, an empty line and 30 candles come before it.
    found = message(load, **bounds)
    assert found == f"{path}: BTC/USDT 1h, line 33 (2023-01-02 06:00 UTC): {problem}; repair or remove the candle"


def test_d018_repeated_and_unsorted_times_name_the_line(text: Callable[..., Path], load: Load) -> None:
    rows = lines(10)
    text(HEADER, *rows[:5], rows[4], *rows[5:])
    assert "BTC_USDT-1h.csv: BTC/USDT 1h, line 7 (2023-01-01 04:00 UTC): time is repeated;" in message(load)
    text(HEADER, *reversed(rows))
    assert "line 3 (2023-01-01 08:00 UTC): time is earlier than the row before;" in message(load)


@pytest.mark.parametrize("first", ["20230201T0000", "2023-13-01", "99999999999999999999", "1672531200.5"])
def test_first_time_of_another_form(first: str, text: Callable[..., Path], load: Load) -> None:
    text(HEADER, f"{first},1,2,1,1,1")
    assert f"line 2: timestamp {first!r} is neither a whole number nor an ISO 8601 time;" in message(load)


def test_first_time_that_is_none(text: Callable[..., Path], load: Load) -> None:
    text(HEADER, "01.02.2023 00:00,1,2,1,1,1")
    assert (
        "line 2: timestamp '01.02.2023 00:00' is neither a whole number nor an ISO 8601 time; write it like 2023-01-31"
        in message(load)
    )


def test_missing_first_time(text: Callable[..., Path], load: Load) -> None:
    text(HEADER, ",1,2,1,1,1", *lines(3))
    assert "line 2: timestamp '' is neither a whole number nor an ISO 8601 time" in message(load)


@pytest.mark.parametrize("content", [b"\xff\xfe\x00\x01" * 20, b"PAR1" + bytes(range(256))])
def test_not_text(content: bytes, tmp_path: Path, load: Load) -> None:
    path = tmp_path / "BTC_USDT-1h.csv"
    path.write_bytes(content)
    assert message(load).startswith(f"{path}: candles of BTC/USDT cannot be read; not CSV (UTF-8)?")


@pytest.mark.skipif(os.name != "posix", reason="needs sparse files")
def test_absurd_sizes(text: Callable[..., Path], load: Load) -> None:
    path = text(HEADER)
    os.truncate(path, 5 * 1024**3)
    assert message(load) == f"{path}: BTC/USDT 1h: larger than 4 GiB; convert it to Parquet"


def test_missing_file_lists_csv_files_only(text: Callable[..., Path], tmp_path: Path, load: Load) -> None:
    text(HEADER)
    (tmp_path / "ETH_USDT-1h.parquet").write_bytes(b"")
    assert message(load, symbol="ETH/USDT").endswith("(no file ETH_USDT-1h.csv); it has BTC/USDT (1h)")


def test_real_candles_are_the_same_as_csv(shared_data: Path, tmp_path: Path, load: Load) -> None:
    folder = shared_data / "ohlcv" / "binance"
    pc.write_csv(pq.ParquetFile(folder / "ADA_USDT-1d.parquet").read(), tmp_path / "ADA_USDT-1d.csv")
    bars = load("ADA/USDT", "1d", csv=True)
    assert len(bars) == 1_330
    assert bars.content_hash == load("ADA/USDT", "1d", path=folder).content_hash


def test_a_load_imports_no_pandas(text: Callable[..., Path]) -> None:
    path = text(HEADER, *lines(5))
    code = (
        "import sys; from pathlib import Path; from quantsail_parquet.source import CsvSource;"
        "from quantsail_framework.domain.timeframe import Timeframe;"
        "from quantsail_framework.ports.data_source import BarRequest;"
        "request = BarRequest('BTC/USDT', Timeframe('1h'));"
        f"print(len(next(CsvSource(Path({str(path.parent)!r})).bars([request]))), 'pandas' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.stderr) == ("5 False", "")


def test_written_by_the_standard_library(tmp_path: Path, load: Load) -> None:
    with (tmp_path / "BTC_USDT-1h.csv").open("w", newline="") as file:
        writer = csv.writer(file, quoting=csv.QUOTE_ALL)
        writer.writerow(HEADER.split(","))
        writer.writerow([START // 10**6, 1.0, 2.0, 0.5, 1.5, 10])
    assert load(csv=True).time.tolist() == [START]
