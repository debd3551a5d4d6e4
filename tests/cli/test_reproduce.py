"""quantsail reproduce: real runs, repeated as they were and with each input moved."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import quantsail_samples
from quantsail_framework import load_pipeline
from quantsail_framework.session import run

CANDLES = Path(quantsail_samples.__file__).parent / "candles" / "EUR_USD-1h.parquet"
STRATEGY = Path(__file__).parents[2] / "examples" / "my_strategy.py"
SINK = """
from pathlib import Path

import attrs

from quantsail_framework import Secret


@attrs.frozen
class Sink:
    path: str
    token: Secret

    def open(self):
        self.token.reveal()

    def send(self, alert):
        with Path(self.path).open("a") as file:
            file.write(alert.kind)

    def close(self):
        return
"""
PIPELINE = """\
[pipeline]
name = "again"
capital = 10_000
[data]
use = "parquet"
path = "../data"
symbols = ["EUR/USD"]
timeframe = "1h"
start = 2017-03-01
end = 2017-06-01
[strategy]
use = "my_strategy.py:CrossAndProtect"
period = 30
[costs]
use = "basis-points"
fee_bps = 0.1
spread_bps = 0.5
slippage_bps = 0.2
[sizer]
use = "fixed-fractional"
max_position_pct_equity = 50
[[alerts]]
use = "my_sink.py:Sink"
path = "SENT"
token = { env = "MY_TOKEN" }
[[reporters]]
use = "json"
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """``pipelines/again.toml`` with local code beside it, its candles in ``data``, and the run in ``runs/first``."""
    for folder in ("pipelines", "data"):
        (tmp_path / folder).mkdir()
    shutil.copy(CANDLES, tmp_path / "data")
    shutil.copy(STRATEGY, tmp_path / "pipelines")
    (tmp_path / "pipelines" / "my_sink.py").write_text(SINK)
    (tmp_path / "pipelines" / "again.toml").write_text(PIPELINE.replace("SENT", (tmp_path / "sent.txt").as_posix()))
    monkeypatch.setenv("MY_TOKEN", "hush-hush")
    pipeline = load_pipeline(tmp_path / "pipelines" / "again.toml")
    run(pipeline, out=tmp_path / "runs" / "first", report=True)
    return tmp_path


def reproduce(project: Path, *arguments: object, cwd: str = ".") -> subprocess.CompletedProcess[str]:
    """Without the secret, and with an override in the environment that must not matter."""
    environment = {name: value for name, value in os.environ.items() if name != "MY_TOKEN"}
    environment["QUANTSAIL__STRATEGY__PERIOD"] = "50"
    quantsail = str(Path(sys.executable).parent / "quantsail")
    command = [quantsail, "reproduce", *map(str, arguments)]
    return subprocess.run(command, cwd=project / cwd, env=environment, capture_output=True, text=True, check=False)


def edit(project: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Change the manifest of the run."""
    path = project / "runs" / "first" / "manifest.json"
    manifest = json.loads(path.read_text())
    change(manifest)
    path.write_text(json.dumps(manifest))


FILES = ("manifest.json", "metrics.json", "equity.parquet", "refusals.parquet", "trades.parquet")


def test_a_run_is_reproduced_from_any_folder_and_alerts_nobody(project: Path) -> None:
    assert pq.ParquetFile(project / "runs" / "first" / "trades.parquet").metadata.num_rows >= 10
    assert (project / "sent.txt").read_text() == "run_finished"
    before = sorted(path.relative_to(project) for path in project.rglob("*") if "__pycache__" not in path.parts)
    for cwd, folder in ((".", "runs/first"), ("data", "../runs/first")):
        done = reproduce(project, folder, cwd=cwd)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.splitlines() == [
            *(f"same: {name}" for name in FILES),
            "not compared: backtest_results.json",
            f"{folder} is reproduced: 5 files are the same",
        ]
    assert (project / "sent.txt").read_text() == "run_finished"
    assert sorted(path.relative_to(project) for path in project.rglob("*") if "__pycache__" not in path.parts) == before


def test_a_project_that_was_moved_as_a_whole_is_reproduced(project: Path, tmp_path: Path) -> None:
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    for name in ("pipelines", "data", "runs"):
        (project / name).rename(moved / name)
    assert reproduce(moved, "runs/first").returncode == 0


def test_json_tells_the_outcome_and_each_file(project: Path) -> None:
    done = reproduce(project, "runs/first", "--json")
    assert json.loads(done.stdout) == {
        "run": "runs/first",
        "outcome": "same",
        "moved": [],
        "files": {name: [] for name in FILES},
        "not_compared": ["backtest_results.json"],
        "problem": None,
    }


def test_candles_that_changed_are_named_with_both_hashes(project: Path) -> None:
    path = project / "data" / CANDLES.name
    table = pq.ParquetFile(path).read()
    close = np.array(table.column("close").to_pylist())
    row = 2_000  # a bar of April, between its low and its high
    close[row] = table.column("low")[row].as_py()
    pq.write_table(table.set_column(table.column_names.index("close"), "close", pa.array(close)), path)
    done = reproduce(project, "runs/first")
    assert done.returncode == 1
    first = done.stdout.splitlines()[0]
    assert re.fullmatch(r"moved: data EUR/USD: was sha256 [0-9a-f]{12}, is sha256 [0-9a-f]{12}", first)
    assert "differs: manifest.json" in done.stdout
    assert re.search(r"^  symbols\.EUR/USD\.sha256: was [0-9a-f]{64}, is [0-9a-f]{64}$", done.stdout, re.MULTILINE)
    assert done.stdout.splitlines()[-1].startswith("runs/first is not reproduced: ")


def test_a_local_file_that_changed_is_named_though_the_result_is_the_same(project: Path) -> None:
    path = project / "pipelines" / STRATEGY.name
    path.write_text(path.read_text() + "\n# a comment\n")
    done = reproduce(project, "runs/first")
    assert done.returncode == 1
    assert done.stdout.startswith("moved: local file my_strategy.py: was sha256 ")
    assert [line for line in done.stdout.splitlines() if line.startswith("same: ")] == [
        f"same: {name}" for name in FILES[1:]
    ]
    assert done.stdout.splitlines()[-1] == "runs/first is not reproduced: 1 of 5 files differ"


def test_versions_of_plugins_and_libraries_that_moved_are_named(project: Path) -> None:
    def older(manifest: dict[str, Any]) -> None:
        manifest["plugins"]["quantsail-parquet"] = "0.0.9"
        manifest["plugins"]["quantsail-gone"] = "1.0"
        manifest["versions"]["numpy"] = "1.26.0"

    edit(project, older)
    done = reproduce(project, "runs/first")
    assert done.returncode == 1
    moved = [line for line in done.stdout.splitlines() if line.startswith("moved: ")]
    assert moved == [
        "moved: plugin quantsail-parquet: was 0.0.9, is 0.1.0",
        "moved: plugin quantsail-gone: was 1.0, is absent",
        f"moved: library numpy: was 1.26.0, is {np.__version__}",
    ]
    assert "same: trades.parquet" in done.stdout


def test_a_path_that_is_missing_is_named_and_base_says_where_it_is(project: Path) -> None:
    (project / "data").rename(project / "moved")
    done = reproduce(project, "runs/first")
    base = project / "pipelines"
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"error: 'runs/first' cannot be run again: data.path is not there: {project / 'data'}; "
        f"relative paths count from {base}, --base names another folder\n"
    )
    other = project / "another" / "place"
    shutil.copytree(base, other)
    (project / "moved").rename(project / "another" / "data")
    assert reproduce(project, "runs/first", "--base", "another/place").returncode == 0


def test_local_code_that_is_missing_cannot_be_run(project: Path) -> None:
    (project / "pipelines" / STRATEGY.name).unlink()
    done = reproduce(project, "runs/first", "--json")
    assert done.returncode == 2
    document = json.loads(done.stdout)
    assert document["outcome"] == "cannot"
    assert document["problem"].startswith("'runs/first' cannot be run again: runs/first/manifest.json: strategy.use: ")
    assert "my_strategy.py" in document["problem"]


def test_a_run_that_fails_now_cannot_be_compared_and_what_moved_is_told(project: Path) -> None:
    path = project / "pipelines" / STRATEGY.name
    path.write_text(path.read_text().replace("def prepare(self, bars", "def prepare(self, bars, more"))
    edit(project, lambda manifest: manifest["versions"].update(numpy="1.26.0"))
    done = reproduce(project, "runs/first")
    assert done.returncode == 2
    assert "error: 'runs/first' cannot be run again: " in done.stderr
    assert f"error: moved: library numpy: was 1.26.0, is {np.__version__}" in done.stderr
    assert "error: moved: local file my_strategy.py: was sha256 " in done.stderr


def test_a_table_that_was_changed_is_told_by_row_and_column(project: Path) -> None:
    path = project / "runs" / "first" / "trades.parquet"
    table = pq.ParquetFile(path).read()
    profits = np.array(table.column("net_pnl").to_pylist())
    truth = float(profits[3])
    profits[3] = 1e6
    pq.write_table(table.set_column(table.column_names.index("net_pnl"), "net_pnl", pa.array(profits)), path)
    (project / "runs" / "first" / "refusals.parquet").unlink()
    lines = reproduce(project, "runs/first").stdout.splitlines()
    at = lines.index("differs: trades.parquet")
    assert lines[at + 1] == f"  row 3, net_pnl: was 1000000.0, is {truth!r}"
    at = lines.index("differs: refusals.parquet")
    assert lines[at + 1] == "  was not there"
    end = "runs/first is not reproduced: 2 of 5 files differ; no input moved that the manifest knows of"
    assert lines[-1] == end


def test_a_runner_that_python_code_chose_is_run_again(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pipeline = load_pipeline(project / "pipelines" / "again.toml")
    run(pipeline, runner="replay", out=project / "runs" / "replayed")
    manifest = json.loads((project / "runs" / "replayed" / "manifest.json").read_text())
    assert manifest["pipeline"]["pipeline"]["runner"] == "replay"
    assert manifest["pipeline"]["replay"] == {"both_touched": "stop_first", "feed": "once"}
    done = reproduce(project, "runs/replayed")
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, "same: manifest.json")


def test_an_object_of_python_code_cannot_be_made_again(project: Path) -> None:
    from quantsail_trend.strategy import TrendStrategy

    pipeline = load_pipeline(project / "pipelines" / "again.toml")
    run(pipeline, strategy=TrendStrategy(volume_period=0), out=project / "runs" / "mine")
    done = reproduce(project, "runs/mine")
    assert done.returncode == 2
    assert "strategy was an object that Python code made, quantsail_trend.strategy:TrendStrategy;" in done.stderr


def test_what_is_no_run_folder_is_refused(project: Path) -> None:
    done = reproduce(project, "data")
    assert (done.returncode, done.stderr) == (2, "error: 'data' is not a run folder: it has no manifest.json\n")
    done = reproduce(project, "runs/first", "--base", "nowhere")
    assert done.returncode == 2
    assert "nowhere" in done.stderr
