"""The run folder appears whole or not at all, and the same run gives the same bytes."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from quantsail_framework.domain.order import Reference
from quantsail_framework.domain.result import RunResult
from quantsail_framework.errors import ResultsError, RunError
from quantsail_framework.plugins import PluginInfo
from quantsail_framework.ports.runner import Pipeline
from quantsail_framework.results import RunFolder, default_folder, pipeline_digest, read_run
from tests.results.conftest import make_result, write_run

# 2020-01-01 is day 18262 after 1970-01-01: 18262 * 86400 s = 1,577,836,800 s.
NEW_YEAR_2020 = 1_577_836_800 * 1_000_000_000
PLUGINS = [PluginInfo("trend", "quantsail-trend", "0.1.0", "quantsail_trend"), PluginInfo("b", "a-dist", "2.0", "b")]


def _write(result: RunResult, pipeline: Pipeline, folder: Path, started_ns: int = NEW_YEAR_2020) -> None:
    write_run(result, pipeline, folder, plugins=PLUGINS, started_ns=started_ns, finished_ns=started_ns + 1_500_000_000)


def test_the_folder_holds_manifest_metrics_and_a_file_per_table(
    result: RunResult, pipeline: Pipeline, tmp_path: Path
) -> None:
    _write(result, pipeline, tmp_path / "run")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run"]
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == [
        "equity.parquet",
        "manifest.json",
        "metrics.json",
        "refusals.parquet",
        "trades.parquet",
    ]


def test_the_manifest_says_what_was_run(result: RunResult, pipeline: Pipeline, tmp_path: Path) -> None:
    _write(result, pipeline, tmp_path / "run")
    manifest = json.loads((tmp_path / "run" / "manifest.json").read_text())
    versions = manifest.pop("versions")
    assert manifest == {
        "schema": 1,
        "kind": "backtest",
        "name": "trend-bnb",
        "verdict": None,
        "seed": 7,
        "notes": ["BNB/USDT has 3 missing bars."],
        "first_tradable": {"BNB/USDT": "2020-01-01T00:00:00Z"},
        "instrument_rules": "none",
        "pipeline": {
            "pipeline": {"name": "trend-bnb", "capital": 1000.0},
            "strategy": {"use": "trend", "adx_period": 14},
        },
        "code": {},
        "plugins": {"a-dist": "2.0", "quantsail-trend": "0.1.0"},
        "times": {"started": "2020-01-01T00:00:00.000000Z", "finished": "2020-01-01T00:00:01.500000Z"},
        "base": None,
    }
    assert list(versions) == ["python", "quantsail-framework", "numpy", "pyarrow", "TA-Lib"]
    assert all(versions.values())


def test_the_manifest_tells_the_folder_of_the_pipeline_file_as_seen_from_the_run(
    result: RunResult, pipeline: Pipeline, tmp_path: Path
) -> None:
    import attrs

    placed = attrs.evolve(pipeline, folder=tmp_path / "pipelines")
    _write(result, placed, tmp_path / "runs" / "deep" / "run")
    manifest = json.loads((tmp_path / "runs" / "deep" / "run" / "manifest.json").read_text())
    assert manifest["base"] == "../../../pipelines"
    moved = tmp_path / "elsewhere"
    (tmp_path / "runs").rename(moved)
    assert read_run(moved / "deep" / "run").base == tmp_path / "pipelines"
    assert str(tmp_path) not in (moved / "deep" / "run" / "manifest.json").read_text()


def test_the_metrics_are_flat_with_reasons_for_each_null(result: RunResult, pipeline: Pipeline, tmp_path: Path) -> None:
    _write(result, pipeline, tmp_path / "run")
    assert json.loads((tmp_path / "run" / "metrics.json").read_text()) == {
        "total_trades": 2,
        "win_rate": 0.5,
        "sharpe": None,
        "total_return": -0.00075,
        "undefined": {"sharpe": "fewer than two days"},
    }


def test_d045_a_run_without_trades_has_the_same_files_and_columns(pipeline: Pipeline, tmp_path: Path) -> None:
    full = make_result()
    none = {name: {column: values[:0] for column, values in table.items()} for name, table in full.tables.items()}
    _write(full, pipeline, tmp_path / "full")
    _write(make_result(tables=none), pipeline, tmp_path / "none")
    for name in ("trades", "equity", "refusals"):
        schemas = [pq.ParquetFile(tmp_path / run / f"{name}.parquet").schema_arrow for run in ("full", "none")]
        assert schemas[0] == schemas[1]


def test_d047_d071_numpy_values_are_written_as_plain_ones(pipeline: Pipeline, tmp_path: Path) -> None:
    metrics = {
        "passed": np.bool_(True),
        "count": np.int64(3),
        "curve": np.array([0.5, 1.0]),
        "by": {2017: np.float64(2)},
    }
    facts = {"start": dt.date(2017, 1, 1), "path": tmp_path / "data", "pair": (1, "a")}
    _write(make_result(metrics=metrics, facts=facts, verdict="pass"), pipeline, tmp_path / "run")
    written = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert (written["passed"], written["count"], written["curve"], written["by"]) == (
        True,
        3,
        [0.5, 1.0],
        {"2017": 2.0},
    )
    manifest = json.loads((tmp_path / "run" / "manifest.json").read_text())
    assert (manifest["verdict"], manifest["start"], manifest["pair"]) == ("pass", "2017-01-01", [1, "a"])
    assert manifest["path"] == (tmp_path / "data").as_posix()


def test_a_fact_cannot_replace_what_the_manifest_says_itself(pipeline: Pipeline, tmp_path: Path) -> None:
    _write(
        make_result(facts={"kind": "mine", "seed": 9, "folder": "here", "base": "/", "extra": 1}),
        pipeline,
        tmp_path / "run",
    )
    manifest = json.loads((tmp_path / "run" / "manifest.json").read_text())
    assert (manifest["kind"], manifest["seed"], manifest["extra"]) == ("backtest", 7, 1)
    assert "folder" not in manifest
    assert manifest["base"] is None


def test_two_runs_differ_in_the_times_of_the_manifest_only(
    result: RunResult, pipeline: Pipeline, tmp_path: Path
) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    _write(result, pipeline, first)
    _write(make_result(), pipeline, second, started_ns=NEW_YEAR_2020 + 86_400_000_000_000)
    names = [path.name for path in sorted(first.iterdir())]
    differing = [name for name in names if (first / name).read_bytes() != (second / name).read_bytes()]
    assert differing == ["manifest.json"]
    manifests = [json.loads((folder / "manifest.json").read_text()) for folder in (first, second)]
    times = [manifest.pop("times") for manifest in manifests]
    assert manifests[0] == manifests[1]
    assert times[0] != times[1]


def test_a_folder_that_exists_is_refused_with_a_remedy_and_left_alone(
    result: RunResult, pipeline: Pipeline, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "mine.txt").write_text("keep")
    with pytest.raises(ResultsError) as caught:
        _write(result, pipeline, folder)
    assert str(caught.value) == f"'{folder}' exists; choose another folder with --out, or remove it"
    assert [path.name for path in tmp_path.rglob("*")] == ["run", "mine.txt"]


@pytest.mark.parametrize("stop", [KeyboardInterrupt, RuntimeError, SystemExit])
def test_whatever_ends_the_run_early_leaves_nothing(stop: type[BaseException], tmp_path: Path) -> None:
    def work() -> None:
        with RunFolder(tmp_path / "deep" / "er" / "run") as pending:
            (pending.temporary / "half.txt").write_text("half")
            raise stop

    with pytest.raises(stop):
        work()
    assert list(tmp_path.iterdir()) == []


def test_a_failed_run_keeps_the_parent_that_others_use(tmp_path: Path) -> None:
    def work() -> None:
        with RunFolder(tmp_path / "runs" / "mine"):
            (tmp_path / "runs" / "theirs").mkdir()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        work()
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["theirs"]


def test_a_value_that_cannot_be_written_leaves_nothing(pipeline: Pipeline, tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"^metrics\.sharpe is nan; a result holds null and a reason instead$"):
        _write(make_result(metrics={"sharpe": float("nan")}), pipeline, tmp_path / "run")
    with pytest.raises(RunError, match=r"^manifest\.day is a Reference; a result holds plain values only$"):
        _write(make_result(facts={"day": Reference(0, 0, 1.0)}), pipeline, tmp_path / "run")
    with pytest.raises(RunError, match=r"^manifest\.data\.hashes\[1\] is a object; a result holds plain values only$"):
        _write(make_result(facts={"data": {"hashes": ["a", object()]}}), pipeline, tmp_path / "run")
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_refused_before_the_run(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ResultsError, match=r"^'.*file' is a file, not a folder; choose another folder with --out$"):
        RunFolder(tmp_path / "file" / "run").__enter__()


def test_a_default_folder_is_named_after_pipeline_time_and_digest(tmp_path: Path) -> None:
    folder = default_folder(tmp_path, "Trend: BNB/USDT ", NEW_YEAR_2020, "0123456789abcdef")
    assert folder == tmp_path / "Trend-BNB-USDT-20200101T000000Z-01234567"
    assert default_folder(tmp_path, "../..", NEW_YEAR_2020, "f" * 64).name == "run-20200101T000000Z-ffffffff"


def test_a_second_run_in_the_same_second_gets_a_suffix(tmp_path: Path) -> None:
    names = []
    for _ in range(3):
        folder = default_folder(tmp_path, "x", NEW_YEAR_2020, "a" * 64)
        folder.mkdir()
        names.append(folder.name)
    base = "x-20200101T000000Z-aaaaaaaa"
    assert names == [base, f"{base}.2", f"{base}.3"]


def test_a_default_folder_that_another_run_takes_meanwhile_gets_a_suffix(tmp_path: Path) -> None:
    target = tmp_path / "x-20200101T000000Z-aaaaaaaa"
    with RunFolder(target, exact=False) as pending:
        (pending.temporary / "mine").touch()
        target.mkdir()
        (target / "theirs").touch()
    assert pending.target.name == "x-20200101T000000Z-aaaaaaaa.2"
    assert [path.name for path in pending.target.iterdir()] == ["mine"]
    assert [path.name for path in target.iterdir()] == ["theirs"]


def test_an_asked_for_folder_that_another_run_takes_meanwhile_is_refused(tmp_path: Path) -> None:
    def work() -> None:
        with RunFolder(tmp_path / "run"):
            (tmp_path / "run").mkdir()
            (tmp_path / "run" / "theirs").touch()

    with pytest.raises(ResultsError, match="exists; choose another folder"):
        work()
    assert [path.name for path in tmp_path.rglob("*")] == ["run", "theirs"]


def test_the_digest_depends_on_runner_and_pipeline_and_not_on_key_order(pipeline: Pipeline) -> None:
    import attrs

    turned = attrs.evolve(pipeline, resolved=dict(reversed(pipeline.resolved.items())))
    other = attrs.evolve(pipeline, resolved={**pipeline.resolved, "strategy": {"use": "trend", "adx_period": 15}})
    digest = pipeline_digest(pipeline, "backtest")
    assert len(digest) == 64
    assert pipeline_digest(turned, "backtest") == digest
    assert pipeline_digest(other, "backtest") != digest
    assert pipeline_digest(pipeline, "replay") != digest
