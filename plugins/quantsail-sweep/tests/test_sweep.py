"""Sweeps: every trial as a backtest of its own would be, errors before the first, and going on after a death."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from quantsail_framework import load_pipeline, run
from quantsail_framework.domain.result import RunResult
from quantsail_framework.errors import PipelineError
from quantsail_framework.results import read_run

Write = Callable[[str], Path]
QUANTSAIL = str(Path(sys.executable).parent / "quantsail")
GRID = """
[sweep]
constraints = ["strategy.lookback < strategy.ma_period"]
objective.use = "total-return"
min_trades = 20
[sweep.parameters]
strategy.lookback = [10, 20, 60]
strategy.ma_period = [50, 100]
risk.max-daily-trades.limit = [1, 3]
"""


def values_of(result: RunResult, row: int) -> dict[str, Any]:
    table = result.tables["trials"]
    return {path: table[path][row].item() for path in result.facts["parameters"]}


def test_each_trial_is_the_backtest_of_its_options(write: Write) -> None:
    file = write(GRID)
    swept = run(load_pipeline(file))
    table = swept.tables["trials"]
    assert len(table["trial"]) == 10  # 3 * 2 * 2, less a lookback of 60 with an average of 50
    for row in range(10):
        alone = run(load_pipeline(file, overrides=values_of(swept, row)), runner="backtest")
        assert table["total_trades"][row] == alone.metrics["total_trades"]
        assert table["total_return"][row] == alone.metrics["total_return"]
        assert table["sharpe"][row] == alone.metrics["sharpe"]
        scored = table["score"][row] if alone.metrics["total_trades"] >= 20 else None
        assert scored == (alone.metrics["total_return"] if scored is not None else None)


def test_tables_and_metrics_are_those_of_the_best_trial(write: Write) -> None:
    file = write(GRID)
    swept = run(load_pipeline(file))
    best = int(np.nanargmax(swept.tables["trials"]["score"]))
    assert swept.facts["best"] == values_of(swept, best)
    alone = run(load_pipeline(file, overrides=swept.facts["best"]), runner="backtest")
    assert {name: swept.metrics[name] for name in alone.metrics} == alone.metrics
    for name in ("trades", "equity", "refusals"):
        for column, values in alone.tables[name].items():
            assert np.array_equal(swept.tables[name][column], values, equal_nan=values.dtype.kind == "f")
    assert swept.facts["objective"] == "total-return"
    assert swept.facts["trials"] == {"total": 10, "ok": 10}
    assert swept.facts["symbols"] == alone.facts["symbols"]
    assert swept.verdict is None


def test_of_equal_scores_the_first_wins(write: Write) -> None:
    swept = run(load_pipeline(write('[sweep]\nparameters = { "risk.max-daily-trades.limit" = [9, 8, 7] }\n')))
    assert len(set(swept.tables["trials"]["score"])) == 1
    assert swept.facts["best"] == {"risk.max-daily-trades.limit": 9}


def test_the_default_objective_is_named_as_it_is_installed(write: Write) -> None:
    pipeline = load_pipeline(write("[sweep]\nparameters = { strategy.lookback = [10] }\n"))
    assert pipeline.resolved["sweep"]["objective"] == {"use": "profit-factor-ln-trades"}
    assert run(pipeline).facts["objective"] == "profit-factor-ln-trades"


def test_d057_when_no_trial_qualifies_the_pipeline_as_it_stands_is_shown(write: Write) -> None:
    file = write("[sweep]\nmin_trades = 100_000\nparameters = { strategy.lookback = [10, 40] }\n")
    swept = run(load_pipeline(file))
    assert np.isnan(swept.tables["trials"]["score"]).all()
    assert swept.facts["best"] is None
    alone = run(load_pipeline(file), runner="backtest")
    assert {name: swept.metrics[name] for name in alone.metrics} == alone.metrics
    assert swept.tables["trials"]["reason"][0].endswith("trades; a score needs 100000")
    assert "None of the 2 trials qualifies" in swept.notes[-1]


def test_draws_are_seeded_and_within_their_ranges(write: Write) -> None:
    file = write(
        """
[sweep]
method = "random"
trials = 6
[sweep.parameters]
strategy.lookback = { min = 10, max = 60 }
strategy.stop_atr = { min = 0.5, max = 4.0, log = true }
"""
    )
    one, again = (run(load_pipeline(file)).tables["trials"] for _ in range(2))
    other = run(load_pipeline(file, overrides={"pipeline.seed": 8})).tables["trials"]
    assert one["strategy.stop_atr"].tolist() == again["strategy.stop_atr"].tolist()
    assert one["strategy.stop_atr"].tolist() != other["strategy.stop_atr"].tolist()
    assert len(one["trial"]) == 6
    assert one["strategy.lookback"].dtype == np.int64
    assert ((one["strategy.stop_atr"] >= 0.5) & (one["strategy.stop_atr"] <= 4.0)).all()


REFUSES = """
import attrs
import numpy as np
from quantsail_framework import Signals

@attrs.frozen
class Crossing:
    fast: int = attrs.field(default=10, metadata={"doc": "bars"})
    slow: int = attrs.field(default=20, metadata={"doc": "bars"})
    warmup: int = attrs.field(default=0, init=False)

    def __attrs_post_init__(self):
        if self.fast >= self.slow:
            raise ValueError(f"fast {self.fast} must be below slow {self.slow}")

    def signals(self, bars):
        entry = (np.arange(len(bars)) % self.slow == self.fast).astype(np.int8)
        return Signals(entry, bars.close * 0.99, bars.close * 1.01, reason=lambda i: "by the clock")
"""


def test_a_combination_that_the_component_refuses_is_a_trial_with_its_reason(write: Write, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(REFUSES, encoding="utf-8")
    file = write("[sweep]\n[sweep.parameters]\nstrategy.fast = [5, 30]\nstrategy.slow = [20, 40]\n")
    swept = run(load_pipeline(file, overrides={"strategy.use": "mine.py:Crossing"}))
    table = swept.tables["trials"]
    assert table["status"].tolist() == ["ok", "ok", "refused", "ok"]
    assert table["reason"][2] == "strategy: fast 30 must be below slow 20"
    assert np.isnan(table["total_return"][2])
    assert swept.facts["trials"] == {"total": 4, "ok": 3, "refused": 1}


def breaking(error: str) -> str:
    """The strategy, raising ``error`` where ``slow`` is 40."""
    raises = f"        if self.slow == 40:\n            raise {error}\n"
    return "from quantsail_framework.errors import ComponentError\n" + REFUSES.replace(
        "        entry", f"{raises}        entry"
    )


def test_runs_that_break_are_counted_in_a_note(write: Write, tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text(breaking("ComponentError('it broke')"), encoding="utf-8")
    file = write("[sweep]\n[sweep.parameters]\nstrategy.fast = [5, 6]\nstrategy.slow = [20, 40]\n")
    swept = run(load_pipeline(file, overrides={"strategy.use": "broken.py:Crossing"}))
    assert swept.tables["trials"]["status"].tolist() == ["ok", "error", "ok", "error"]
    assert "2 of 4 trials ended with an error; most often: it broke." in swept.notes


@pytest.mark.parametrize("workers", [1, 2], ids=["here", "in another process"])
def test_what_ends_a_sweep_is_told_with_the_options_that_it_arose_with(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: int
) -> None:
    _start_processes_at_once(monkeypatch, share_s=0.0)
    (tmp_path / "broken.py").write_text(breaking("ValueError('zero-size array')"), encoding="utf-8")
    table = f'[executor]\nuse = "local"\nworkers = {workers}\n[sweep]\n[sweep.parameters]\n'
    file = write(f"{table}strategy.fast = [5]\nstrategy.slow = [20, 30, 40]\n")
    with pytest.raises(ValueError, match="zero-size array") as caught:
        run(load_pipeline(file, overrides={"strategy.use": "broken.py:Crossing"}))
    trial, *culprit = caught.value.__notes__
    assert trial == "in the trial of strategy.fast=5, strategy.slow=40"
    here = [note for note in culprit if note.startswith("it arose in signals of strategy 'broken.py:Crossing' (")]
    # What arose in another process is not laid to the executor, which has passed it on.
    assert len(here) == len(culprit) == (1 if workers == 1 else 0)


FORGETFUL = """
import attrs
import numpy as np
from quantsail_framework import LONG, Signals, indicators

@attrs.frozen
class Every:
    bars: int = attrs.field(default=40, metadata={"doc": "between two entries"})
    offset: int = attrs.field(default=0, metadata={"doc": "bars"})
    warmup: int = attrs.field(default=0, init=False)

    def signals(self, bars):
        rows = indicators.once(bars, KEY, lambda: np.arange(self.offset, len(bars), self.bars))
        close = bars.close[rows]
        return Signals.at(rows, len(bars), entry=LONG, stop=close * 0.99, target=close * 1.01)
"""


def test_a_key_that_lacks_an_option_is_found_out(write: Write, tmp_path: Path) -> None:
    """Each trial then has the rows of the first: the last one runs again alone, and comes to others. What is shown is
    what the best one comes to alone."""
    file = write("[sweep]\n[sweep.parameters]\nstrategy.bars = [30, 40, 50]\n")
    for key, notes in {"('every', self.offset)": 1, "('every', self.bars, self.offset)": 0}.items():
        (tmp_path / "mine.py").write_text(FORGETFUL.replace("KEY", key), encoding="utf-8")
        swept = run(load_pipeline(file, overrides={"strategy.use": "mine.py:Every", "strategy.offset": 7}))
        trades = swept.tables["trials"]["total_trades"].tolist()
        assert (len(set(trades)) == 1) == bool(notes)
        told = [
            note for note in swept.notes if note.startswith("No trial can be believed: that of strategy.bars=50 has ")
        ]
        assert len(told) == notes
        best = {
            "strategy.bars": swept.facts["best"]["strategy.bars"],
            "strategy.offset": 7,
            "strategy.use": "mine.py:Every",
        }
        alone = run(load_pipeline(file, overrides=best), runner="backtest")
        assert swept.metrics["total_trades"] == alone.metrics["total_trades"]


def test_the_option_that_the_key_lacks_may_be_that_of_the_first_in_the_last_trial(write: Write, tmp_path: Path) -> None:
    """Of these three (7, 50), (7, 30) and (40, 50) it is the second that differs in what the key lacks."""
    (tmp_path / "mine.py").write_text(FORGETFUL.replace("KEY", "('every', self.offset)"), encoding="utf-8")
    values = "strategy.offset = [7, 40]\nstrategy.bars = [50, 30]\n"
    file = write(f'[sweep]\nconstraints = ["strategy.offset <= strategy.bars"]\n[sweep.parameters]\n{values}')
    swept = run(load_pipeline(file, overrides={"strategy.use": "mine.py:Every"}))
    assert [note for note in swept.notes if "that of strategy.offset=7, strategy.bars=30 has" in note]


def test_every_problem_is_told_before_the_first_trial_with_its_line(write: Write) -> None:
    file = write(
        """
[sweep]
[sweep.parameters]
strategy.atr_perod = [10, 14]
strategy.adx_period = [0, 14]
strategy.stop_atr = ["wide", 2.0]
risk.max-exposure.pct = [50.0]
data.timeframe = ["1h", "4h"]
"""
    )
    done = subprocess.run([QUANTSAIL, "run", str(file)], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    lines = [line.partition("swept.toml:")[2] for line in done.stderr.splitlines()]
    assert [line.partition(" ")[2] for line in lines] == [
        "sweep.parameters.strategy.atr_perod: unknown option; did you mean atr_period?",
        "sweep.parameters.strategy.adx_period: must be >= 2, got 0",
        'sweep.parameters.strategy.stop_atr: expects a number, got the text "wide"',
        "sweep.parameters.risk.max-exposure: there is none of this name",
        "sweep.parameters.data: cannot be varied; options of strategy, costs, sizer, risk can",
    ]
    assert not (file.parent / "runs").exists()


@pytest.mark.parametrize(
    ("table", "text"),
    [
        ("parameters = {}", "sweep.parameters: there are none; name at least one"),
        ("parameters = { strategy.lookback = [] }", "sweep.parameters: strategy.lookback: is an empty list"),
        ("", "sweep.parameters: required option is missing"),
        (
            'constraints = ["strategy.fast < 3"]\nparameters = { strategy.lookback = [10] }',
            "sweep.constraints: 'strategy.fast < 3': strategy.fast is not among the parameters",
        ),
        ("min_trades = -1\nparameters = { strategy.lookback = [10] }", "sweep.min_trades: must be >= 0, got -1"),
        (
            'objective.use = "sharp"\nparameters = { strategy.lookback = [10] }',
            "sweep.objective.use: no objective named 'sharp'; did you mean 'sharpe'?",
        ),
    ],
)
def test_what_the_table_cannot_say_is_told_when_the_file_is_read(write: Write, table: str, text: str) -> None:
    with pytest.raises(PipelineError) as caught:
        load_pipeline(write(f"[sweep]\n{table}\n"))
    assert text in str(caught.value)


@pytest.mark.parametrize(
    ("table", "text"),
    [
        (
            'constraints = ["strategy.lookback > 99"]\nparameters = { strategy.lookback = [10, 20] }',
            "sweep.constraints: no combination of the parameters keeps them: strategy.lookback > 99",
        ),
        (
            'method = "random"\nparameters = { strategy.lookback = { min = 0, max = 20 } }',
            "sweep.parameters.strategy.lookback: must be >= 1, got 0",
        ),
        (
            'parameters = { "strategy.use" = ["trend"] }',
            "sweep.parameters.strategy.use: unknown option",
        ),
    ],
)
def test_what_no_trial_could_use_is_told(write: Write, table: str, text: str) -> None:
    with pytest.raises(PipelineError) as caught:
        run(load_pipeline(write(f"[sweep]\n{table}\n")))
    assert text in str(caught.value)


# Going on.

LOGS = """
import os, time
from pathlib import Path
import attrs

@attrs.frozen
class Logged:
    log: str = attrs.field(default="", metadata={"doc": "a file that each score adds a byte to"})

    def score(self, result):
        with open(os.environ["SCORES"], "ab") as file:
            file.write(b"x")
        time.sleep(0.02)
        return result.metrics["total_return"]
"""
LONG = """
[executor]
use = "local"
workers = 1
[sweep]
objective.use = "logged.py:Logged"
parameters.strategy.lookback = { min = 5, max = 34, step = 1 }
"""
FILES = ("metrics.json", "trials.parquet", "trades.parquet", "equity.parquet", "refusals.parquet")


def start(file: Path, out: Path) -> subprocess.Popen[str]:
    environment = {**os.environ, "SCORES": str(file.parent / "scores")}
    command = [QUANTSAIL, "run", str(file), "--out", str(out)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish(file: Path, out: Path) -> None:
    process = start(file, out)
    _, told = process.communicate(timeout=120)
    assert process.returncode == 0, told


def lines_of(folder: Path) -> int:
    return sum(path.read_bytes().count(b"\n") for path in folder.glob(".trials/*.jsonl"))


def contents(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in FILES}


@pytest.mark.parametrize("stop", [signal.SIGKILL, signal.SIGINT])
def test_a_sweep_that_was_stopped_goes_on_and_ends_with_the_same_bytes(
    write: Write, tmp_path: Path, stop: signal.Signals
) -> None:
    (tmp_path / "logged.py").write_text(LOGS, encoding="utf-8")
    file = write(LONG)
    scores, runs = tmp_path / "scores", tmp_path / "runs"
    first = start(file, runs / "one")
    while lines_of(runs) < 8 and first.poll() is None:
        time.sleep(0.01)
    first.send_signal(stop)
    _, told = first.communicate(timeout=60)
    kept = lines_of(runs)
    assert 8 <= kept < 30
    if stop == signal.SIGINT:
        assert first.returncode == 130
        assert f"stopped; {kept} of 30 trials are kept: the same command goes on from there" in told
    assert not (runs / "one").exists()
    finish(file, runs / "one")
    assert 30 <= scores.stat().st_size <= 31  # one may have been under way
    assert lines_of(runs) == 0
    finish(file, tmp_path / "other" / "two")
    assert contents(runs / "one") == contents(tmp_path / "other" / "two")


def test_another_objective_or_other_code_of_it_does_not_take_what_was_kept(write: Write, tmp_path: Path) -> None:
    """The kept trials bear the name of all that they depend on."""
    (tmp_path / "logged.py").write_text(LOGS, encoding="utf-8")
    file = write(LONG)
    scores, runs = tmp_path / "scores", tmp_path / "runs"
    first = start(file, runs / "one")
    while lines_of(runs) < 5 and first.poll() is None:
        time.sleep(0.01)
    first.kill()
    first.communicate()
    before = scores.stat().st_size
    (tmp_path / "logged.py").write_text(LOGS.replace("total_return", "sharpe"), encoding="utf-8")
    finish(file, runs / "two")
    assert scores.stat().st_size - before == 30
    table = read_run(runs / "two").table("trials")
    assert table["score"].tolist() == table["sharpe"].tolist()


def _start_processes_at_once(monkeypatch: pytest.MonkeyPatch, share_s: float = 10.0) -> None:
    from quantsail_framework.plugins import load_registry

    executor = load_registry().load("executor", "local")
    for name, value in {"_PROBE_S": 0.0, "_START_S": -1e9, "_SHARE_S": share_s}.items():
        monkeypatch.setattr(sys.modules[executor.__module__], name, value)


def test_the_number_of_processes_changes_nothing(write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _start_processes_at_once(monkeypatch)
    file = write(GRID + '[executor]\nuse = "local"\n')
    for workers in (1, 2):
        run(load_pipeline(file, overrides={"executor.workers": workers}), out=tmp_path / str(workers))
    assert contents(tmp_path / "1") == contents(tmp_path / "2")
    manifest = json.loads((tmp_path / "2" / "manifest.json").read_text("utf-8"))
    assert manifest["seed"] == 7
