"""import: files become series of the store, all of them or none."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from quantsail_framework import Timeframe
from quantsail_framework.ports.data_source import BarRequest
from quantsail_framework.store import Store

Run = Callable[..., subprocess.CompletedProcess[str]]
HOURS = "timestamp,open,high,low,close,volume\n"


def write(folder: Path, name: str, *rows: str) -> str:
    (folder / name).write_text(HOURS + "\n".join(rows) + "\n")
    return name


@pytest.fixture
def january(tmp_path: Path) -> str:
    return write(tmp_path, "BTC_USDT-1h.csv", "1672531200000,10,12,9,11,5", "1672534800000,11,13,10,12,6")


def test_files_of_one_series_are_merged(quantsail: Run, tmp_path: Path, january: str) -> None:
    later = write(tmp_path, "BTC_USDT-1h-2.csv", "1672534800000,11,13,10,12.5,6", "1672538400000,12,14,11,13,7")
    done = quantsail("data", "import", january, later, "--venue", "mine", "--symbol", "BTC/USDT", "-t", "1h", "--json")
    assert done.returncode == 0, done.stderr
    one, other = json.loads(done.stdout)
    assert [(row["bars"], row["new"], row["changed"]) for row in (one, other)] == [(2, 2, 0), (2, 1, 1)]
    bars = Store(tmp_path / "data").bars("mine", BarRequest("BTC/USDT", Timeframe("1h")))
    assert (bars.close.tolist(), bars.volume.tolist()) == ([11.0, 12.5, 13.0], [5.0, 6.0, 7.0])


def test_what_was_assumed_is_told(quantsail: Run, january: str) -> None:
    lines = quantsail("data", "import", january, "--venue", "mine").stdout.splitlines()
    assert lines[0].split() == ["FILE", "SYMBOL", "TIMEFRAME", "BARS", "NEW", "CHANGED"]
    assert lines[1].split() == [january, "BTC/USDT", "1h", "2", "2", "0"]
    assert lines[2] == f"note: {january}: taken for csv: a header with open, high, low, close"


def test_a_bad_file_leaves_the_store_as_it_was(quantsail: Run, tmp_path: Path, january: str) -> None:
    bad = write(tmp_path, "ETH_USDT-1h.csv", "1672531200000,10,9,9,11,5")
    done = quantsail("data", "import", january, bad, "--venue", "mine")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: ETH_USDT-1h.csv: ETH/USDT 1h, line 2 (2023-01-01 00:00 UTC): high is below")
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["--venue", "NUL"], "venue 'NUL' is a device's name on Windows"),
        (["--venue", "x", "--format", "cvs"], "no format named 'cvs'; did you mean csv?"),
        (["--venue", "x", "--side", "bid"], "the format csv has no use for side"),
        (["--venue", "x", "--columns", "time"], "--columns"),
        ([], "Missing option '--venue'"),
    ],
)
def test_what_cannot_be(quantsail: Run, tmp_path: Path, january: str, options: list[str], text: str) -> None:
    done = quantsail("data", "import", january, *options)
    assert done.returncode == 2
    assert text in done.stderr or text.lstrip("-") in done.stderr
    assert not (tmp_path / "data").exists()


def test_names_of_columns_zone_and_decimal_comma(quantsail: Run, tmp_path: Path) -> None:
    (tmp_path / "kurse.csv").write_text("Datum;O;H;T;S;V\n01.07.2023 02:00;1,5;2,0;1,25;1,75;3\n")
    words = ["--symbol", "EUR/USD", "-t", "1h", "--zone", "Europe/Berlin", "--delimiter", ";", "--decimal", ","]
    columns = "time=Datum,open=O,high=H,low=T,close=S,volume=V"
    done = quantsail(
        *("data", "import", "kurse.csv", "--venue", "mine", *words),
        *("--format", "csv", "--columns", columns, "--time-format", "%d.%m.%Y %H:%M"),
    )
    assert done.returncode == 0, done.stderr
    (bar,) = [Store(tmp_path / "data").bars("mine", BarRequest("EUR/USD", Timeframe("1h")))]
    assert (bar.time[0], bar.low[0], bar.close[0]) == (1_688_169_600_000_000_000, 1.25, 1.75)
