"""Walk-forward runs as users make them: on one process or two, killed and resumed, always the same bytes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import attrs
import pytest

from quantsail_framework import load_pipeline, run
from quantsail_framework.ports.runner import Pipeline
from quantsail_framework.search.executors import SerialExecutor
from quantsail_local import executor as local
from quantsail_local.executor import LocalExecutor

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "walk-forward.toml"
TABLES = ("trades", "equity", "refusals", "windows", "trials")


def contents(folder: Path) -> dict[str, bytes]:
    """All files of a run but the manifest, which says when it was made."""
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.name != "manifest.json"}


@pytest.fixture
def pipeline() -> Pipeline:
    return load_pipeline(EXAMPLE)


def test_one_process_or_two_leave_the_same_bytes(
    pipeline: Pipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local, "_PROBE_S", 0.0)  # do not wait before processes are started
    monkeypatch.setattr(local, "_START_S", -1e9)
    for name, where in (("here", SerialExecutor()), ("one", LocalExecutor(1)), ("two", LocalExecutor(2))):
        run(attrs.evolve(pipeline, executor=where), out=tmp_path / name)
    assert contents(tmp_path / "one") == contents(tmp_path / "here")
    assert contents(tmp_path / "two") == contents(tmp_path / "here")
    assert set(contents(tmp_path / "here")) == {"metrics.json", *(f"{table}.parquet" for table in TABLES)}


def test_a_killed_walk_goes_on_where_it_was(pipeline: Pipeline, tmp_path: Path) -> None:
    file = tmp_path / "long.toml"
    values = ", ".join(str(value) for value in range(5, 45))
    more = f"\n[walk-forward.parameters]\nstrategy.lookback = [{values}]\nstrategy.adx_threshold = [20, 25]\n"
    text = EXAMPLE.read_text(encoding="utf-8").split("[walk-forward.parameters")[0] + more
    file.write_text(text.replace("quickstart.toml", str(EXAMPLE.with_name("quickstart.toml"))), encoding="utf-8")
    command = [Path(sys.executable).parent / "quantsail", "run", file, "--set", "executor.use=local"]
    command += ["--set", "executor.workers=1", "--out"]
    killed = subprocess.Popen([*command, tmp_path / "runs" / "again"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    kept = wait_for_lines(tmp_path / "runs" / ".trials", 100)
    os.kill(killed.pid, signal.SIGKILL)
    killed.communicate()
    before = kept.read_bytes().count(b"\n")
    assert not (tmp_path / "runs" / "again").exists()

    told: list[str] = []
    walk = load_pipeline(file, overrides={"executor.use": "local", "executor.workers": 1})
    run(walk, out=tmp_path / "runs" / "again", progress=lambda _, text: told.append(text))
    assert told[0] == f"{before} of 720 trials"
    assert len(told) == 1 + 720 - before
    assert not kept.exists()
    run(walk, out=tmp_path / "undisturbed" / "run")
    assert contents(tmp_path / "runs" / "again") == contents(tmp_path / "undisturbed" / "run")


def wait_for_lines(folder: Path, count: int) -> Path:
    """The journal, once it holds so many trials."""
    for _ in range(600):
        for file in folder.glob("*.jsonl") if folder.exists() else ():
            if file.read_bytes().count(b"\n") >= count:
                return file
        time.sleep(0.05)
    raise AssertionError("no trial was kept")


def test_an_objective_named_in_the_file_decides(tmp_path: Path) -> None:
    result = run(load_pipeline(EXAMPLE, overrides={"walk-forward.objective.use": "total-return"}))
    assert result.facts["objective"] == "total-return"
    trials, windows = result.tables["trials"], result.tables["windows"]
    chosen = windows["status"] == "chosen"
    assert chosen.sum() >= 5
    for number, promised in zip(windows["window"][chosen], windows["train_return"][chosen], strict=True):
        able = (trials["window"] == number) & (trials["profit_factor"] > 1) & (trials["total_trades"] >= 10)
        assert promised == trials["total_return"][able].max()
