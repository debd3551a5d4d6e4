"""The reporters that write files: what programs and spreadsheets find in them."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest

from quantsail_framework.domain.result import RunResult
from quantsail_framework.testing.examples import example_result
from quantsail_report.csv_files import CsvReporter
from quantsail_report.json_file import JsonReporter

NEW_YEAR_2024 = 1_704_067_200_000_000_000  # 19,723 days after 1970-01-01


def written(result: RunResult, folder: Path) -> dict[str, Any]:
    """The one JSON file that the reporter writes, read by a parser that knows neither NaN nor Infinity."""
    JsonReporter().write(result, folder)
    (path,) = folder.iterdir()
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"), parse_constant=pytest.fail)
    return found


def rows_of(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("backtest", "backtest_results.json"),
        ("replay", "backtest_results.json"),
        ("walk-forward", "wfa_results.json"),
        ("monte-carlo", "monte_carlo_results.json"),
        ("sweep", "sweep_results.json"),
        ("../my kind", "my_kind_results.json"),
    ],
)
def test_d137_each_kind_of_result_is_written_under_the_name_it_was_promised(
    kind: str, name: str, tmp_path: Path
) -> None:
    JsonReporter().write(RunResult(kind, "idea"), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_json_holds_all_of_the_result(full_run: RunResult, tmp_path: Path) -> None:
    found = written(full_run, tmp_path)
    assert list(found) == ["kind", "name", "verdict", "metrics", "undefined", "facts", "notes", "tables"]
    assert (found["kind"], found["name"], found["verdict"]) == ("backtest", "trend-majors", None)
    assert found["metrics"] == full_run.metrics
    assert found["undefined"] == full_run.undefined
    assert found["facts"]["symbols"][0]["sha256"] == "3f2a9c1b" * 8
    assert found["notes"] == ["ETH/USDT: 2 gaps (7 bars missing), kept"]
    assert {name: len(records) for name, records in found["tables"].items()} == {
        "trades": 150,
        "equity": 24 * 152,
        "refusals": 10,
    }
    # The first trade enters 20 hours after the start, as of the bar before, and has no target.
    first = found["tables"]["trades"][0]
    assert (first["symbol"], first["side"]) == ("BTC/USDT", "long")
    assert (first["signal_time"], first["entry_time"]) == ("2024-01-01T19:00:00Z", "2024-01-01T20:00:00Z")
    assert (first["target"], first["ambiguous"], first["net_pnl"]) == (None, True, 13.0)
    assert found["tables"]["equity"][0] == {
        "time": "2024-01-01T00:00:00Z",
        "equity": 10_000.0,
        "cash": 10_000.0,
        "exposure": 0.0,
    }


def test_json_has_a_line_for_each_record(full_run: RunResult, tmp_path: Path) -> None:
    JsonReporter().write(full_run, tmp_path)
    lines = (tmp_path / "backtest_results.json").read_text(encoding="utf-8").splitlines()
    assert sum(line.startswith('      {"rule": ') for line in lines) == 10


def test_d045_a_run_without_trades_is_written_like_any_other(quiet_run: RunResult, tmp_path: Path) -> None:
    found = written(quiet_run, tmp_path)
    assert found["tables"]["trades"] == []
    assert found["metrics"]["total_trades"] == 0
    assert found["metrics"]["win_rate"] is None
    assert found["undefined"]["win_rate"] == quiet_run.undefined["win_rate"]
    folder = tmp_path / "csv"
    folder.mkdir()
    CsvReporter().write(quiet_run, folder)
    assert rows_of(folder / "trades.csv") == [list(quiet_run.trades)]


def test_a_result_without_tables_is_json_too(tmp_path: Path) -> None:
    assert written(RunResult("sweep", "idea", verdict="pass"), tmp_path) == {
        "kind": "sweep",
        "name": "idea",
        "verdict": "pass",
        "metrics": {},
        "undefined": {},
        "facts": {},
        "notes": [],
        "tables": {},
    }


def test_d071_numpy_values_are_written_as_plain_ones(tmp_path: Path) -> None:
    metrics = {"passed": np.bool_(True), "windows": np.int64(3), "by": {2017: np.float64(0.5)}, "curve": np.ones(2)}
    tables = {"windows": {"window": np.arange(2, dtype=np.int32), "score": np.array([np.nan, np.float32(0.5)])}}
    found = written(RunResult("walk-forward", "wf", tables, metrics, facts={"path": Path("a") / "b"}), tmp_path)
    assert found["metrics"] == {"passed": True, "windows": 3, "by": {"2017": 0.5}, "curve": [1.0, 1.0]}
    assert found["tables"] == {"windows": [{"window": 0, "score": None}, {"window": 1, "score": 0.5}]}
    assert found["facts"] == {"path": "a/b"}


def test_no_file_tells_where_the_run_folder_is(full_run: RunResult, tmp_path: Path) -> None:
    kept = attrs.evolve(full_run, facts={**full_run.facts, "folder": str(tmp_path)})
    assert "folder" not in written(kept, tmp_path)["facts"]


def test_times_keep_what_they_have_below_a_second_and_a_missing_one_is_null(tmp_path: Path) -> None:
    none = np.iinfo(np.int64).min
    tables = {
        "fills": {"time": np.array([NEW_YEAR_2024 + 1_500_000, none]), "entry_time": np.array([0, NEW_YEAR_2024])}
    }
    assert written(RunResult("live", "x", tables), tmp_path)["tables"]["fills"] == [
        {"time": "2024-01-01T00:00:00.001500000Z", "entry_time": "1970-01-01T00:00:00Z"},
        {"time": None, "entry_time": "2024-01-01T00:00:00Z"},
    ]


def test_csv_has_a_file_per_table_with_times_flags_and_empty_cells(full_run: RunResult, tmp_path: Path) -> None:
    CsvReporter().write(full_run, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["equity.csv", "refusals.csv", "trades.csv"]
    header, first, *others = rows_of(tmp_path / "trades.csv")
    assert header == list(full_run.trades)
    assert len(others) == 149
    row = dict(zip(header, first, strict=True))
    assert (row["entry_time"], row["target"], row["ambiguous"]) == ("2024-01-01T20:00:00Z", "", "true")
    assert float(row["net_pnl"]) == full_run.trades["net_pnl"][0]
    assert (tmp_path / "trades.csv").read_bytes().count(b"\r") == 0


HOSTILE = ["=cmd|'/c calc'!A0", "+1+1", "-2+3", "@SUM(A1)", "\t=1", "  =1", '=HYPERLINK("http://x","y")']


@pytest.mark.parametrize("text", HOSTILE)
def test_text_that_a_spreadsheet_would_run_is_text_in_csv(text: str, tmp_path: Path) -> None:
    """SEC-10: symbols, reasons and the names of columns are a stranger's words."""
    table = {"reason": np.array([text, "a breakout, +2 %"], object), "net_pnl": np.array([-1.5, 2.0]), text: np.ones(2)}
    CsvReporter().write(RunResult("backtest", "x", {"trades": table}), tmp_path)
    assert rows_of(tmp_path / "trades.csv") == [
        ["reason", "net_pnl", f"'{text}"],
        [f"'{text}", "-1.5", "1.0"],  # a number stays a number
        ["a breakout, +2 %", "2.0", "1.0"],
    ]


def test_words_of_all_scripts_survive_and_quotes_and_line_ends_too(tmp_path: Path) -> None:
    words = ["Ausbruch über 20 Balken", "突破", 'says "go", twice', "two\nlines"]
    result = RunResult("backtest", "x", {"trades": {"reason": np.array([*words, None], object)}})
    CsvReporter().write(result, tmp_path)
    assert [cell for (cell,) in rows_of(tmp_path / "trades.csv")[1:5]] == words
    JsonReporter().write(result, tmp_path)
    found = json.loads((tmp_path / "backtest_results.json").read_text(encoding="utf-8"))
    assert [record["reason"] for record in found["tables"]["trades"]] == [*words, None]


def test_pandas_reads_both_back(tmp_path: Path) -> None:
    import pandas as pd

    result = example_result(8)
    JsonReporter().write(result, tmp_path)
    CsvReporter().write(result, tmp_path)
    records = json.loads((tmp_path / f"{result.kind}_results.json").read_text(encoding="utf-8"))["tables"]["trades"]
    from_csv = pd.read_csv(tmp_path / "trades.csv", parse_dates=["entry_time"])
    for frame in (pd.DataFrame(records), from_csv):
        assert frame["net_pnl"].tolist() == result.trades["net_pnl"].tolist()
        times = pd.to_datetime(frame["entry_time"]).astype("datetime64[ns, UTC]").astype("int64")
        assert times.tolist() == result.trades["entry_time"].tolist()
