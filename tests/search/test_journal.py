"""Trials kept as they finish: read back as they were, without the line that a crash cut off, shown as a table."""

from __future__ import annotations

import math
from datetime import date
from pathlib import Path

import attrs
import numpy as np
import pytest

from quantsail_framework.search.journal import Journal
from quantsail_framework.search.result import trials_table, values_column
from quantsail_framework.search.study import Trial

OK = Trial(
    {"a.x": 1, "a.y": "left"}, "ok", "", 0.1 + 0.2, {"total_trades": 12, "sharpe": 1 / 3}, np.array([0.1, 1 / 3])
)
TWO = Trial({"a.x": 2, "a.y": "right"}, "ok", "", 1.0, {"total_trades": 30}, np.array([0.5]), (None, 1e-300))
FEW = Trial({"a.x": 3, "a.y": "left"}, "ok", "", None, {"total_trades": 1})
REFUSED = Trial({"a.x": 4, "a.y": "left"}, "refused", "a: x must be odd")


def _keep(path: Path, *trials: Trial) -> None:
    with Journal(path) as journal:
        for trial in trials:
            journal.add(trial)


def test_trials_are_read_back_to_the_last_bit(tmp_path: Path) -> None:
    _keep(tmp_path / "t.jsonl", OK, TWO, REFUSED)
    kept = Journal(tmp_path / "t.jsonl")
    for trial in (OK, TWO, REFUSED):
        found = kept.find(trial.values)
        assert found is not None
        assert (found.values, found.status, found.reason, found.score, found.metrics, found.more) == (
            trial.values,
            trial.status,
            trial.reason,
            trial.score,
            trial.metrics,
            trial.more,
        )
        assert found.returns.tobytes() == trial.returns.tobytes()
    assert kept.find({"a.x": 9, "a.y": "left"}) is None


@pytest.mark.parametrize("lost", [1, 5, 40])
def test_a_line_that_a_crash_cut_off_runs_again_and_the_next_is_whole(tmp_path: Path, lost: int) -> None:
    path = tmp_path / "t.jsonl"
    _keep(path, OK, TWO)
    path.write_bytes(path.read_bytes()[:-lost])
    assert Journal(path).find(OK.values) is not None
    _keep(path, TWO, REFUSED)
    after = Journal(path)
    assert all(after.find(trial.values) for trial in (OK, TWO, REFUSED))


def test_values_come_back_as_they_are_asked_for(tmp_path: Path) -> None:
    """In the file a date is text."""
    values = {"strategy.since": date(2023, 3, 1), "a.y": ("left", "right")}
    _keep(tmp_path / "t.jsonl", attrs.evolve(OK, values=values))
    found = Journal(tmp_path / "t.jsonl").find(values)
    assert found is not None
    assert found.values == values


def test_a_journal_that_another_search_has_ended_begins_anew(tmp_path: Path) -> None:
    """Two processes over the same search: the first to end removes the file, and the other keeps what it has since."""
    path = tmp_path / "trials" / "t.jsonl"
    with Journal(path) as journal:
        journal.add(OK)
        Journal(path).forget()
        assert not path.exists()
        journal.add(TWO)
    assert Journal(path).find(TWO.values) is not None


def test_what_was_added_is_found_without_a_file_too() -> None:
    journal = Journal(None)
    journal.add(OK)
    found = journal.find(OK.values)
    assert found is not None
    assert found.metrics == OK.metrics


def test_trials_as_a_table() -> None:
    table = trials_table(("a.x", "a.y"), [OK, TWO, FEW, REFUSED], min_trades=5)
    assert table["trial"].tolist() == [0, 1, 2, 3]
    assert table["a.x"].tolist() == [1, 2, 3, 4]
    assert table["a.x"].dtype == np.int64
    assert table["a.y"].tolist() == ["left", "right", "left", "left"]
    assert table["score"][:2].tolist() == [0.1 + 0.2, 1.0]
    assert np.isnan(table["score"][2:]).all()
    assert table["reason"].tolist() == [
        "",
        "the objective has no score for it",
        "1 trade; a score needs 5",
        "a: x must be odd",
    ]
    assert table["sharpe"][0] == 1 / 3
    assert math.isnan(table["total_trades"][3])


@pytest.mark.parametrize(
    ("values", "kind", "column"),
    [
        ([1, 2], "i", [1, 2]),
        ([1, 2.5], "f", [1.0, 2.5]),
        ([True, False], "b", [True, False]),
        ([True, 2], "O", ["true", "2"]),
        ([["a", "b"], "c"], "O", ['["a", "b"]', "c"]),
    ],
)
def test_values_as_a_column(values: list[object], kind: str, column: list[object]) -> None:
    made = values_column(values)
    assert (made.dtype.kind, made.tolist()) == (kind, column)
