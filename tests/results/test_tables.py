"""Tables as Parquet: exact types, nulls for what is missing, read back as they were, without pandas."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from quantsail_framework.domain.result import RunResult
from quantsail_framework.errors import ResultsError, RunError
from quantsail_framework.ports.runner import Pipeline
from quantsail_framework.results import _write_table, list_runs, read_run
from tests.results.conftest import HOUR, write_run


def _stored(result: RunResult, pipeline: Pipeline, folder: Path) -> Path:
    write_run(result, pipeline, folder, plugins=[], started_ns=0, finished_ns=0)
    return folder


def test_column_types_are_those_of_any_parquet_reader(result: RunResult, pipeline: Pipeline, tmp_path: Path) -> None:
    folder = _stored(result, pipeline, tmp_path / "run")
    trades = pq.ParquetFile(folder / "trades.parquet").read()
    assert dict(zip(trades.column_names, trades.schema.types, strict=True)) == {
        "symbol": pa.string(),
        "entry_time": pa.timestamp("ns", tz="UTC"),
        "entry_price": pa.float64(),
        "target": pa.float64(),
        "ambiguous": pa.bool_(),
        "reason": pa.string(),
    }
    assert trades.column("target").to_pylist() == [None, 0.5]
    assert trades.column("reason").to_pylist() == ["breakout", None]
    assert trades.column("ambiguous").to_pylist() == [False, True]
    assert trades.column("entry_time").cast(pa.int64()).to_pylist() == [HOUR, 3 * HOUR]
    equity = pq.ParquetFile(folder / "equity.parquet").read()
    assert equity.column("equity").to_pylist() == [1000.0, 1001.5, 999.25]


def test_a_table_without_rows_keeps_its_columns(result: RunResult, pipeline: Pipeline, tmp_path: Path) -> None:
    folder = _stored(result, pipeline, tmp_path / "run")
    refusals = pq.ParquetFile(folder / "refusals.parquet").read()
    assert refusals.num_rows == 0
    assert refusals.schema.types == [pa.timestamp("ns", tz="UTC"), pa.string(), pa.float64()]
    table = read_run(folder).table("refusals")
    assert {name: (values.dtype, len(values)) for name, values in table.items()} == {
        "time": (np.dtype(np.int64), 0),
        "symbol": (np.dtype(object), 0),
        "limit": (np.dtype(np.float64), 0),
    }


_WORDS = st.text("aZ é€𝄞", max_size=4)  # one to four bytes a letter
_NUMBERS = st.one_of(st.floats(allow_nan=True, allow_infinity=False), st.just(float("nan")))


@settings(deadline=None)
@given(data=st.data(), size=st.integers(0, 40))
def test_any_table_is_read_back_as_it_was(data: st.DataObject, size: int, tmp_path_factory: Any) -> None:
    columns = {
        "time": data.draw(hnp.arrays(np.int64, size)),
        "number": data.draw(hnp.arrays(np.float64, size, elements=_NUMBERS)),
        "count": data.draw(hnp.arrays(np.int64, size)),
        "flag": data.draw(hnp.arrays(np.bool_, size)),
        "text": np.array([*data.draw(st.lists(st.none() | _WORDS, min_size=size, max_size=size)), None], object)[:-1],
    }
    folder = _stored_table(tmp_path_factory.mktemp("table"), columns)
    table = read_run(folder).table("any")
    for name, values in columns.items():
        np.testing.assert_array_equal(table[name], values, strict=True)


def _stored_table(folder: Path, columns: dict[str, Any]) -> Path:
    (folder / "manifest.json").write_text('{"schema": 1, "kind": "k", "name": "n", "times": {"started": ""}}')
    (folder / "metrics.json").write_text("{}")
    _write_table(folder / "any.parquet", "any", columns)
    return folder


def test_narrow_numbers_are_widened_and_datetimes_are_times(tmp_path: Path) -> None:
    columns = {
        "exit_time": np.array(["2020-01-01T00:00"], "datetime64[m]"),
        "side": np.array([-1], np.int8),
        "price": np.array([0.5], np.float32),
        "word": np.array(["short"]),
    }
    table = read_run(_stored_table(tmp_path, columns)).table("any")
    assert table["exit_time"].tolist() == [1_577_836_800 * 10**9]
    assert (table["side"].tolist(), table["price"].tolist(), table["word"].tolist()) == ([-1], [0.5], ["short"])


@pytest.mark.parametrize(
    "columns, text",
    [
        ({"a": np.array([1.0, np.inf])}, "column any.a is infinite in row 1; a result holds null instead"),
        ({"a": np.array(["x", 3], object)}, "column any.a holds more than text: "),
        ({"a": np.array([1 + 2j])}, "column any.a has values of type complex128, which a run folder does not hold"),
        ({"a": np.array([1.0]), "b": np.array([])}, "table 'any' has columns of differing lengths: a 1, b 0"),
    ],
)
def test_a_column_that_no_result_may_have_is_named(columns: dict[str, Any], text: str, tmp_path: Path) -> None:
    with pytest.raises(RunError) as caught:
        _stored_table(tmp_path, columns)
    assert str(caught.value).startswith(text)


def test_a_stored_run_gives_the_result_again(result: RunResult, pipeline: Pipeline, tmp_path: Path) -> None:
    stored = read_run(_stored(result, pipeline, tmp_path / "run"))
    assert stored.tables == ("equity", "refusals", "trades")
    assert stored.metrics == result.metrics
    assert stored.undefined == result.undefined
    again = stored.result()
    assert (again.kind, again.name, again.notes, again.verdict) == ("backtest", "trend-bnb", result.notes, None)
    assert again.facts["folder"] == str(tmp_path / "run")
    np.testing.assert_array_equal(again.equity["equity"], result.equity["equity"])


def test_a_missing_table_is_an_error_that_lists_the_others(
    result: RunResult, pipeline: Pipeline, tmp_path: Path
) -> None:
    stored = read_run(_stored(result, pipeline, tmp_path / "run"))
    with pytest.raises(ResultsError, match=r"^no table 'trials' in '.*run'; it has equity, refusals, trades$"):
        stored.table("trials")


@pytest.mark.parametrize(
    "files, text",
    [
        ({}, "is not a run folder: it has no manifest.json"),
        ({"manifest.json": "{"}, "cannot be read: "),
        ({"manifest.json": "[]"}, "cannot be read: it holds no JSON object"),
        ({"manifest.json": '{"schema": "one"}'}, "is not a run folder: its manifest.json was not written by Quantsail"),
        (
            {"manifest.json": '{"schema": 2, "kind": "k", "name": "n", "times": {}}'},
            "was written by a newer Quantsail (schema 2, this one reads up to 1); upgrade quantsail-framework",
        ),
        ({"manifest.json": '{"schema": 1, "kind": "k", "name": "n", "times": {}}'}, "it has no metrics.json"),
    ],
)
def test_what_is_no_run_folder_is_refused(files: dict[str, str], text: str, tmp_path: Path) -> None:
    folder = tmp_path / "foreign"
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_text(content)
    with pytest.raises(ResultsError) as caught:
        read_run(folder)
    assert text in str(caught.value)
    assert str(folder) in str(caught.value)


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ResultsError, match=r"^no run folder at '.*gone'; `quantsail runs list` shows those there are$"):
        read_run(tmp_path / "gone")


def test_runs_are_listed_oldest_first_and_foreign_things_passed_over(
    result: RunResult, pipeline: Pipeline, tmp_path: Path
) -> None:
    day = 86_400_000_000_000
    for name, started in (("b", 2 * day), ("a", 3 * day), ("c", day)):
        write_run(result, pipeline, tmp_path / name, plugins=[], started_ns=started, finished_ns=started)
    (tmp_path / "notes.txt").write_text("")
    (tmp_path / "photos").mkdir()
    (tmp_path / ".c.partial-1").mkdir()
    runs = list_runs(tmp_path)
    assert [Path(run.folder).name for run in runs] == ["c", "b", "a"]
    assert (runs[0].started, runs[0].total_trades, runs[0].total_return) == ("1970-01-02T00:00:00.000000Z", 2, -0.00075)
    assert list_runs(tmp_path / "none") == []


_PROGRAM = """
import sys
from pathlib import Path
import numpy as np
from quantsail_framework.results import _write_table, read_run
folder = Path(sys.argv[1])
(folder / "manifest.json").write_text('{"schema": 1, "kind": "k", "name": "n", "times": {"started": ""}}')
(folder / "metrics.json").write_text("{}")
_write_table(folder / "t.parquet", "t", {
    "time": np.arange(3), "x": np.array([1.0, np.nan, 2.0]), "s": np.array(["a", None, "c"], object),
    "b": np.ones(3, bool),
})
table = read_run(folder).table("t")
assert table["s"].tolist() == ["a", None, "c"], table
print([name for name in ("pandas", "talib", "rich") if name in sys.modules])
"""


def test_writing_and_reading_import_neither_pandas_nor_talib(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _PROGRAM, str(tmp_path)]
    process = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert (process.stdout, process.stderr) == ("[]\n", "")
