"""Processes of this machine: the same results for any number, a death survived once, nothing left behind."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from quantsail_framework.errors import RunError
from quantsail_local import executor
from quantsail_local.executor import LocalExecutor
from tests.search.jobs import divided, doubled, killed_elsewhere, killer, odd_elsewhere, pid_of, slow_sum
from tests.search.scripts import SAYS, run_script


@pytest.fixture(autouse=True)
def _own_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(executor, "_PROBE_S", 0.0)  # do not wait before processes are started
    monkeypatch.setattr(executor, "_START_S", -1e9)
    monkeypatch.setattr(executor, "_SHARE_S", 0.0)
    return tmp_path


def results(workers: int, function: Any, items: list[Any], shared: Any) -> dict[int, Any]:
    return dict(LocalExecutor(workers).map(function, items, shared=shared))


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_the_results_are_the_same_for_any_number_of_processes(workers: int, tmp_path: Path) -> None:
    shared = {"column": np.arange(100_000.0), "factor": 2}
    assert results(workers, doubled, list(range(40)), shared) == {n: 2 * n + 4_999_950_000.0 for n in range(40)}
    assert list(tmp_path.iterdir()) == []


def test_more_than_one_process_works() -> None:
    running = LocalExecutor(2).map(pid_of, list(range(10_000)), shared=0.02)
    pids: set[int] = set()
    while len(pids - {os.getpid()}) < 2:  # a busy machine starts the second late
        pids.add(next(running)[1])
    running.close()
    assert len(pids - {os.getpid()}) == 2


def test_columns_arrive_read_only_and_mapped() -> None:
    column = np.arange(1_000_000.0)
    column.flags.writeable = False
    told = results(2, slow_sum, [0, 1, 2, 3], column)
    assert {writeable for _, writeable in told.values()} == {False}
    assert {total for total, _ in told.values()} == {column.sum()}


def test_a_worker_that_dies_changes_nothing(tmp_path: Path) -> None:
    marker = tmp_path / "died"
    assert results(2, killer, list(range(30)), (str(marker), 11, 1)) == {n: n for n in range(30)}
    assert marker.read_text() == "x"


def test_an_item_that_kills_twice_is_named(tmp_path: Path) -> None:
    marker = tmp_path / "died"
    with pytest.raises(RunError, match=r"item 11 ended its process twice"):
        results(2, killer, list(range(30)), (str(marker), 11, 9))
    assert marker.read_text() == "xx"
    assert [path.name for path in tmp_path.iterdir()] == ["died"]


def test_closing_ends_the_processes(tmp_path: Path) -> None:
    running = LocalExecutor(2).map(pid_of, list(range(1_000)), shared=0.05)
    pids = {next(running)[1] for _ in range(6)} - {os.getpid()}
    running.close()
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
    assert list(tmp_path.iterdir()) == []


ALONE = """
import tempfile
from quantsail_local import executor
from tests.search.jobs import pid_of
if __name__ == "__main__":
    tempfile.tempdir = {folder!r}
    executor._PROBE_S, executor._START_S, executor._SHARE_S = 0.0, -1e9, 0.0
    for _, pid in executor.LocalExecutor(2).map(pid_of, list(range(10_000)), shared=0.05):
        print(pid, flush=True)
"""


def test_processes_end_with_the_one_that_was_killed(tmp_path: Path) -> None:
    script = tmp_path / "alone.py"
    script.write_text(ALONE.format(folder=str(tmp_path)), encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    with subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True, env=environment) as parent:
        assert parent.stdout is not None
        pids: set[int] = set()
        while len(pids - {parent.pid}) < 2:
            pids.add(int(parent.stdout.readline()))
        parent.kill()
    until = time.monotonic() + 30
    while any(map(alive, pids)) or list(tmp_path.glob("quantsail-*")):
        assert time.monotonic() < until
        time.sleep(0.05)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_an_error_that_cannot_travel_is_told_in_words() -> None:
    with pytest.raises(RunError, match="OddError: nonsense in words"):
        results(2, odd_elsewhere, [1, 2, 3, 4], os.getpid())


def test_a_script_needs_no_guard(tmp_path: Path) -> None:
    """Python would run it again in each process, unless it stands below ``if __name__ == "__main__":``."""
    done = run_script("quantsail_local.executor", "LocalExecutor", tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, SAYS, "")


def test_an_error_of_an_item_reaches_the_caller() -> None:
    with pytest.raises(ZeroDivisionError):
        results(2, divided, [1, 2, 0, 4], 12)


def test_a_short_job_starts_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executor, "_START_S", 0.7)
    assert set(results(2, pid_of, list(range(20)), None).values()) == {os.getpid()}


@pytest.fixture
def _sharing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executor, "_SHARE_S", 1e9)


@pytest.mark.usefixtures("_sharing")
def test_for_a_little_more_work_the_own_process_is_one_of_the_workers() -> None:
    pids = list(LocalExecutor(2).map(pid_of, list(range(300)), shared=0.01))
    assert sorted(index for index, _ in pids) == list(range(300))
    assert os.getpid() in {pid for _, pid in pids[10:]}
    assert len({pid for _, pid in pids}) == 2


@pytest.mark.usefixtures("_sharing")
def test_a_worker_that_dies_beside_the_own_process_changes_nothing(tmp_path: Path) -> None:
    marker = tmp_path / "died"
    given = (str(marker), os.getpid())
    assert results(2, killed_elsewhere, list(range(300)), given) == {n: n for n in range(300)}
    assert marker.read_text() == "x"


@pytest.mark.usefixtures("_sharing")
def test_an_error_in_the_own_process_reaches_the_caller(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        results(2, divided, [1] * 50 + [0] + [1] * 50, 12)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("times", "left_s"),
    [([0.0, 3.0], 27.0), ([0.0, 3.0, 4.0], 8.0), ([0.0, 3.0, 4.0, 6.0], 10.5)],
)
def test_the_first_item_is_no_measure_once_there_are_others(times: list[float], left_s: float) -> None:
    """It also computes the indicators: of ten items that took 3, 1 and 2 s, seven are left, 1.5 s each."""
    assert executor._left_s(times, 10) == left_s


@pytest.mark.usefixtures("_sharing")
def test_what_the_own_process_has_done_comes_at_once() -> None:
    """A search keeps each trial before it waits for the next, so that Ctrl-C takes none along."""
    running = LocalExecutor(2).map(pid_of, list(range(200)), shared=0.02)
    next(running)
    assert next(running)[1] == os.getpid()
    assert next(running)[1] == os.getpid()
    running.close()


def test_a_slow_first_item_alone_starts_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executor, "_PROBE_S", 0.1)
    monkeypatch.setattr(executor, "_START_S", 0.7)
    assert not executor._worth(75.0, [0.0, 0.15], 2)  # it computes what all share
    assert not executor._worth(0.5, [0.0, 0.15, 0.151], 2)
    assert executor._worth(75.0, [0.0, 5.0], 2)
