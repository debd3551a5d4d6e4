"""Searches with Optuna: seeded, the same in any number of processes and after a death, pruned, with a Pareto front."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from quantsail_framework import load_pipeline, run
from quantsail_framework.domain.result import RunResult
from quantsail_framework.errors import PipelineError

QUANTSAIL = str(Path(sys.executable).parent / "quantsail")
TEXT = """
[pipeline]
name = "searched"
runner = "optuna"
capital = 10_000
seed = 11
[data]
use = "synthetic"
symbols = ["BTC/USDT"]
timeframe = "1h"
start = 2023-01-01
end = 2023-07-01
[strategy]
use = "trend"
[costs]
use = "basis-points"
[sizer]
use = "fixed-fractional"
[optuna]
trials = 24
batch = 6
objective.use = "total-return"
[optuna.parameters]
strategy.lookback = { min = 5, max = 60 }
strategy.ma_period = [20, 50, 100]
strategy.stop_atr = { min = 0.5, max = 4.0, log = true }
strategy.allow_short = [true, false]
"""
FILES = ("metrics.json", "trials.parquet", "trades.parquet", "equity.parquet", "refusals.parquet")


def searched(folder: Path, text: str = TEXT, **overrides: Any) -> RunResult:
    file = folder / "searched.toml"
    file.write_text(text, encoding="utf-8")
    return run(load_pipeline(file, overrides=overrides))


def values_of(result: RunResult, row: int) -> dict[str, Any]:
    table = result.tables["trials"]
    return {path: table[path][row].item() for path in result.facts["parameters"]}


def same(one: RunResult, other: RunResult, table: str = "trials") -> bool:
    left, right = one.tables[table], other.tables[table]
    return list(left) == list(right) and all(
        left[name].tolist().__repr__() == right[name].tolist().__repr__() for name in left
    )


def test_each_trial_is_the_backtest_of_its_options_within_the_space(tmp_path: Path) -> None:
    result = searched(tmp_path)
    table = result.tables["trials"]
    assert len(table["trial"]) == 24
    assert ((table["strategy.lookback"] >= 5) & (table["strategy.lookback"] <= 60)).all()
    assert set(table["strategy.ma_period"].tolist()) <= {20, 50, 100}
    assert ((table["strategy.stop_atr"] >= 0.5) & (table["strategy.stop_atr"] <= 4.0)).all()
    for row in (0, 11, 23):
        alone = run(load_pipeline(tmp_path / "searched.toml", overrides=values_of(result, row)), runner="backtest")
        assert table["total_return"][row] == alone.metrics["total_return"]
    best = int(np.nanargmax(table["score"]))
    assert result.facts["best"] == values_of(result, best)
    assert result.metrics["total_return"] == table["score"][best]


def test_a_seed_gives_the_same_trials_and_another_gives_others(tmp_path: Path) -> None:
    one, again = searched(tmp_path), searched(tmp_path)
    other = searched(tmp_path, **{"pipeline.seed": 12})
    assert same(one, again)
    assert one.tables["trials"]["strategy.stop_atr"].tolist() != other.tables["trials"]["strategy.stop_atr"].tolist()


def test_later_trials_are_better_than_draws(tmp_path: Path) -> None:
    """The first ten are drawn at random; what is learnt of them shows in the mean of the last."""
    scores = searched(tmp_path, **{"optuna.trials": 60}).tables["trials"]["score"]
    assert np.nanmean(scores[40:]) > np.nanmean(scores[:10])


def test_constraints_are_kept_and_cost_no_trial(tmp_path: Path) -> None:
    text = TEXT.replace("batch = 6", 'batch = 6\nconstraints = ["strategy.lookback < strategy.ma_period"]')
    table = searched(tmp_path, text).tables["trials"]
    assert len(table["trial"]) == 24
    assert (table["strategy.lookback"] < table["strategy.ma_period"]).all()


def test_what_has_no_score_is_no_best_trial(tmp_path: Path) -> None:
    result = searched(tmp_path, **{"optuna.min_trades": 100_000, "optuna.trials": 8})
    assert result.facts["best"] is None
    assert np.isnan(result.tables["trials"]["score"]).all()
    assert "None of the 8 trials qualifies" in result.notes[-1]


def test_the_pareto_front_has_what_none_beats(tmp_path: Path) -> None:
    text = TEXT.replace('objective.use = "total-return"', 'objectives = [{ use = "total-return" }, { use = "sqn" }]')
    result = searched(tmp_path, text)
    table, front = result.tables["trials"], result.tables["pareto"]
    scores = np.column_stack([table["score"], table["score_2"]])
    assert np.array_equal(table["score_2"], table["sqn"], equal_nan=True)

    def beaten(row: int) -> bool:
        above = (scores >= scores[row]).all(axis=1) & (scores > scores[row]).any(axis=1)
        return bool(above.any())

    assert front["trial"].tolist() == [row for row in range(24) if not np.isnan(scores[row]).any() and not beaten(row)]
    assert result.facts["objective"] == ["total-return", "sqn"]
    assert result.facts["best"] == values_of(result, int(front["trial"][np.argmax(front["score"])]))


def test_what_does_badly_in_the_first_windows_is_given_up(tmp_path: Path) -> None:
    result = searched(tmp_path, **{"optuna.prune_windows": 3, "optuna.trials": 36})
    table = result.tables["trials"]
    pruned = table["status"] == "pruned"
    assert 0 < pruned.sum() < 36
    assert result.facts["trials"] == {"total": 36, "ok": int((~pruned).sum()), "pruned": int(pruned.sum())}
    assert np.isnan(table["score"][pruned]).all()
    assert all("windows is below the median" in reason for reason in table["reason"][pruned])
    # A third of the half-year ends on 2 March: the score that was judged is that of a backtest up to there.
    row = next(row for row in np.flatnonzero(pruned) if "after 1 of 3" in table["reason"][row])
    changes = {**values_of(result, row), "data.end": "2023-03-02T08:00:00Z"}
    alone = run(load_pipeline(tmp_path / "searched.toml", overrides=changes), runner="backtest")
    assert f"its score {alone.metrics['total_return']:.6g} after" in table["reason"][row]


@pytest.mark.parametrize(
    ("overrides", "text"),
    [
        ({"optuna.objectives": [{"use": "sqn"}]}, "optuna.objectives: is a list of two or more"),
        (
            {"optuna.objectives": [{"use": "sqn"}, {"use": "sharpe"}], "optuna.prune_windows": 2},
            "optuna.prune_windows: a search with several objectives gives up no trial",
        ),
        ({"optuna.parameters": {"strategy.lookback": {"min": 0, "max": 9}}}, "strategy.lookback: must be >= 1, got 0"),
        ({"optuna.parameters": {"strategy.lokback": [1]}}, "did you mean lookback?"),
    ],
)
def test_what_cannot_be_searched_is_told_before_the_first_trial(
    tmp_path: Path, overrides: dict[str, Any], text: str
) -> None:
    with pytest.raises(PipelineError) as caught:
        searched(tmp_path, **overrides)
    assert text in str(caught.value)


def test_the_number_of_processes_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from quantsail_framework.plugins import load_registry

    executor = load_registry().load("executor", "local")
    monkeypatch.setattr(sys.modules[executor.__module__], "_PROBE_S", 0.0)
    monkeypatch.setattr(sys.modules[executor.__module__], "_START_S", -1e9)
    text = TEXT + '[executor]\nuse = "local"\n'
    one, two = (searched(tmp_path, text, **{"executor.workers": number, "optuna.trials": 12}) for number in (1, 2))
    assert same(one, two)
    assert one.metrics == two.metrics


SLOW = """
import os, time
import attrs

@attrs.frozen
class Logged:
    def score(self, result):
        with open(os.environ["SCORES"], "ab") as file:
            file.write(b"x")
        time.sleep(0.03)
        return result.metrics["total_return"]
"""


def start(file: Path, out: Path) -> subprocess.Popen[str]:
    environment = {**os.environ, "SCORES": str(file.parent / "scores")}
    command = [QUANTSAIL, "run", str(file), "--out", str(out)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish(file: Path, out: Path) -> None:
    process = start(file, out)
    _, told = process.communicate(timeout=120)
    assert process.returncode == 0, told


def contents(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in FILES}


@pytest.mark.parametrize("windows", [1, 3])
def test_a_search_that_was_killed_goes_on_and_ends_with_the_same_bytes(tmp_path: Path, windows: int) -> None:
    (tmp_path / "slow.py").write_text(SLOW, encoding="utf-8")
    text = TEXT.replace(
        'objective.use = "total-return"', f'objective.use = "slow.py:Logged"\nprune_windows = {windows}'
    )
    file = tmp_path / "searched.toml"
    file.write_text(text + '[executor]\nuse = "local"\nworkers = 1\n', encoding="utf-8")
    scores, runs = tmp_path / "scores", tmp_path / "runs"
    first = start(file, runs / "one")
    while (not scores.exists() or scores.stat().st_size < 15) and first.poll() is None:
        time.sleep(0.005)
    first.kill()
    first.communicate()
    assert not (runs / "one").exists()
    assert list((runs / ".trials").glob("*.optuna"))
    finish(file, runs / "one")
    tried = scores.stat().st_size
    finish(file, tmp_path / "other" / "two")
    undisturbed = scores.stat().st_size - tried
    assert undisturbed <= tried <= undisturbed + 1  # one may have been under way
    assert contents(runs / "one") == contents(tmp_path / "other" / "two")
    assert not (runs / ".trials").exists()
