"""`background` on jobs worked by hand.

What a worker runs is defined inside of a function: so it travels by value, since no other process can import a test.
"""

from __future__ import annotations

import multiprocessing
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from quantsail_framework.errors import RunError

from quantsail_background.executor import BackgroundExecutor


def killer(deaths: int) -> Callable[[int, Path], int]:
    """Ten times the item, noting each that begins; but item 7 ends its process, the first so many times."""

    def work(item: int, begun: Path) -> int:
        with begun.open("a", encoding="utf-8") as file:
            file.write(f"{item}\n")
        if item == 7 and begun.read_text(encoding="utf-8").split().count("7") <= deaths:
            os._exit(1)
        return 10 * item

    return work


def test_items_run_at_a_low_priority_in_other_processes() -> None:
    def priority(_item: int, _shared: None) -> tuple[int, int]:
        return os.nice(0), os.getpid()

    done = dict(BackgroundExecutor(workers=2).map(priority, list(range(20)), shared=None))
    assert sorted(done) == list(range(20))
    assert {nice for nice, _ in done.values()} == {min(19, os.nice(0) + 10)}  # 19 is the lowest that there is
    assert os.getpid() not in {process for _, process in done.values()}


def test_an_item_that_is_lost_with_its_process_runs_once_more(tmp_path: Path) -> None:
    begun = tmp_path / "begun.txt"
    done = dict(BackgroundExecutor(workers=2).map(killer(deaths=1), list(range(12)), shared=begun))
    assert done == {item: 10 * item for item in range(12)}
    assert sorted(map(int, begun.read_text(encoding="utf-8").split())) == sorted([*range(12), 7])


def test_an_item_that_ends_its_process_twice_is_named(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="item 7 ended its process twice"):
        list(BackgroundExecutor(workers=2).map(killer(deaths=9), list(range(12)), shared=tmp_path / "begun.txt"))


def test_an_error_that_cannot_travel_comes_as_its_words() -> None:
    def fail(_item: int, _shared: None) -> None:
        raise type("LocalError", (Exception,), {})("no such market")

    with pytest.raises(RunError, match="LocalError: no such market"):
        list(BackgroundExecutor(workers=1).map(fail, [1], shared=None))


def test_closing_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    running: Any = BackgroundExecutor(workers=2).map(lambda item, _shared: item, list(range(1_000)), shared=None)
    next(running)
    assert len(multiprocessing.active_children()) == 2
    running.close()
    assert multiprocessing.active_children() == []
    assert list(tmp_path.iterdir()) == []
