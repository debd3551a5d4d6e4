"""What must hold on any cluster, whether of its own or started by hand: the cases that its executors share."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import attrs
import numpy as np
import psutil
import pytest

from quantsail_framework import load_pipeline, run
from quantsail_framework.errors import RunError
from quantsail_framework.search.executors import SerialExecutor
from tests.search.jobs import Counted, divided, doubled, killer, pid_of, pid_with, slow_sum

ROOT = Path(__file__).parents[2]
PROGRAMS = Path(sys.executable).parent
SWEEP = ROOT / "examples" / "sweep.toml"
OBJECTIVE = """
import attrs

@attrs.frozen
class Mine:
    def score(self, result):
        return result.metrics["total_return"] - result.metrics["max_drawdown"]
"""


def contents(folder: Path) -> dict[str, bytes]:
    """All files of a run but the manifest, which says when it was made."""
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.name != "manifest.json"}


def distribution(folder: Path, version: str) -> str:
    """A folder for sys.path with a plugin of that version."""
    facts = folder / version / f"quantsail_odd-{version}.dist-info"
    facts.mkdir(parents=True)
    (facts / "METADATA").write_text(f"Metadata-Version: 2.4\nName: quantsail-odd\nVersion: {version}\n")
    (facts / "entry_points.txt").write_text("[quantsail]\nodd = quantsail_odd\n")
    return str(facts.parent)


def listening(process: psutil.Process) -> set[str]:
    """The addresses at which a process and those that it started listen."""
    found = set()
    for each in (process, *process.children(recursive=True)):
        found |= {place.laddr.ip for place in each.net_connections("inet") if place.status == psutil.CONN_LISTEN}
    return found


LOOPBACK = {"127.0.0.1", "::1", "::ffff:127.0.0.1"}


@contextmanager
def program(*command: str, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """A program that runs meanwhile, with all that it starts."""
    with subprocess.Popen(
        [str(PROGRAMS / command[0]), *command[1:]],
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            yield process
        finally:
            process.terminate()


LONG = """
extends = ["{quickstart}"]
[pipeline]
runner = "sweep"
[executor]
use = "{executor}"
workers = 2
[sweep.parameters]
strategy.lookback = {{ min = 5, max = 404, step = 1 }}
"""


def has_kept_a_trial(folder: Path, _sweep: psutil.Process) -> bool:
    return bool(list(folder.glob("runs/.trials/*.jsonl")))


def starts_a_worker(_folder: Path, sweep: psutil.Process) -> bool:
    """Of multiprocessing."""
    return any("spawn_main" in " ".join(each.cmdline()) for each in sweep.children())


Ready = Callable[[Path, psutil.Process], bool]


def stop_a_sweep(executor: str, folder: Path, ready: Ready = has_kept_a_trial) -> None:
    """Ctrl-C in a sweep over a cluster of its own, as a terminal does it: each process of the group gets the signal.

    The trials are kept, nothing is left running, and nothing in the temporary folder (Ray has its own).
    """
    code, told = end_a_sweep(executor, folder, ready, lambda sweep: os.killpg(sweep, signal.SIGINT))
    assert code == 130, told
    kept = sum(journal.read_bytes().count(b"\n") for journal in folder.glob("runs/.trials/*.jsonl"))
    stopped = re.search(r"stopped; (\d+) of 400 trials are kept: the same command goes on from there", told)
    assert stopped is not None, told
    assert int(stopped[1]) in (kept, max(0, kept - 1))  # the signal may come when a trial is kept and not yet counted
    assert "Traceback" not in told


def end_a_sweep(executor: str, folder: Path, ready: Ready, end: Callable[[int], None]) -> tuple[int, str]:
    """Exit code and standard error. Nothing is left running, and nothing in the temporary folder."""
    file, temporary = folder / "long.toml", folder / "temporary"
    temporary.mkdir()
    file.write_text(LONG.format(quickstart=SWEEP.with_name("quickstart.toml"), executor=executor))
    command = [PROGRAMS / "quantsail", "run", file, "--out", folder / "runs" / "one"]
    environment = {**os.environ, "TMPDIR": str(temporary), "RAY_TMPDIR": tempfile.gettempdir()}  # Ray's must be short
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True, start_new_session=True) as sweep:
        process = psutil.Process(sweep.pid)
        while sweep.poll() is None and not ready(folder, process):
            time.sleep(0.05)
        family = process.children(recursive=True)
        end(sweep.pid)
        _, told = sweep.communicate(timeout=120)
    assert family
    assert psutil.wait_procs(family, timeout=60)[1] == []
    assert list(temporary.iterdir()) == []
    return sweep.returncode, told


class Cases:
    """A subclass gives the fixture ``running``: an executor with two workers, started."""

    def test_the_results_are_those_of_one_process(self, running: Any) -> None:
        shared = {"column": np.arange(100_000.0), "factor": 2}
        found = dict(running.map(doubled, list(range(40)), shared=shared))
        assert found == {n: 2 * n + 4_999_950_000.0 for n in range(40)}

    def test_columns_arrive_read_only(self, running: Any) -> None:
        column = np.arange(1_000_000.0)
        column.flags.writeable = False
        told = dict(running.map(slow_sum, [0, 1, 2, 3], shared=column))
        assert set(told.values()) == {(column.sum(), False)}

    def test_each_worker_is_given_the_study_once(self, running: Any, tmp_path: Path) -> None:
        file = tmp_path / "unpacked"
        pids = set(dict(running.map(pid_with, list(range(60)), shared=Counted(str(file)))).values())
        unpacked = [int(line) for line in file.read_text().splitlines()]
        assert len(pids) == 2
        assert sorted(unpacked) == sorted(pids)

    def test_a_worker_that_dies_changes_nothing(self, running: Any, tmp_path: Path) -> None:
        marker = tmp_path / "died"
        assert dict(running.map(killer, list(range(30)), shared=(str(marker), 11, 1))) == {n: n for n in range(30)}
        assert marker.read_text() == "x"

    def test_an_item_that_kills_again_is_named(self, running: Any, tmp_path: Path) -> None:
        with pytest.raises(RunError, match=r"item 11 ended its process twice"):
            list(running.map(killer, list(range(30)), shared=(str(tmp_path / "died"), 11, 99)))

    def test_an_error_of_an_item_reaches_the_caller(self, running: Any) -> None:
        with pytest.raises(ZeroDivisionError):
            list(running.map(divided, [1, 2, 0, 4], shared=12))

    def test_closing_stops_the_work(self, running: Any, tmp_path: Path) -> None:
        endless = running.map(pid_of, list(range(10_000)), shared=0.05)
        next(endless)
        endless.close()
        began = time.monotonic()
        assert len(dict(running.map(pid_of, list(range(4)), shared=0.01))) == 4
        assert time.monotonic() - began < 60  # and not the 250 s that the others would have taken

    def test_what_only_this_process_can_import_is_named(
        self, running: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "only_here.py").write_text("def same(item, shared):\n    return item\n")
        monkeypatch.syspath_prepend(str(tmp_path))
        import only_here  # type: ignore[import-not-found]

        with pytest.raises(RunError, match=r"has no module only_here: install there what is installed where"):
            list(running.map(only_here.same, [1, 2], shared=None))

    def test_a_sweep_leaves_the_same_bytes_as_in_one_process(self, running: Any, tmp_path: Path) -> None:
        """Its objective is a class of a local file, which the workers have not; one of them is killed on the way."""
        (tmp_path / "mine.py").write_text(OBJECTIVE)
        text = SWEEP.read_text().replace('"profit-factor-ln-trades"', '"mine.py:Mine"')
        file = tmp_path / "sweep.toml"
        file.write_text(text.replace("quickstart.toml", str(SWEEP.with_name("quickstart.toml"))))
        pipeline = load_pipeline(file)
        victims = set(dict(running.map(pid_of, list(range(40)), shared=0.02)).values())
        told: list[str] = []
        killed: list[int] = []

        def progress(_share: float, text: str) -> None:
            told.append(text)
            if len(told) == 5:
                killed.append(victims.pop())
                os.kill(killed[0], signal.SIGKILL)

        run(attrs.evolve(pipeline, executor=SerialExecutor()), out=tmp_path / "here")
        run(attrs.evolve(pipeline, executor=running), out=tmp_path / "there", progress=progress)
        assert contents(tmp_path / "there") == contents(tmp_path / "here")
        assert len(told) == 34  # none done yet, and then each of the 33 trials
        assert len(killed) == 1


class CasesAtAnAddress(Cases):
    """A subclass names the ``executor`` and gives the fixture ``address``, of workers with version 0.2 of a plugin."""

    executor: ClassVar[str]

    def test_a_pipeline_file_names_it(self, address: str, running: Any, tmp_path: Path) -> None:
        run(load_pipeline(SWEEP, overrides={"executor.use": "local", "executor.workers": 1}), out=tmp_path / "here")
        named = {"executor.use": self.executor, "executor.address": address}
        run(load_pipeline(SWEEP, overrides=named), out=tmp_path / "there")
        assert contents(tmp_path / "there") == contents(tmp_path / "here")

    def test_another_version_on_a_worker_is_refused(
        self, running: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.syspath_prepend(distribution(tmp_path, "0.1"))
        with pytest.raises(RunError, match=r"a worker on .* has quantsail-odd 0\.2 instead of 0\.1: install there"):
            list(running.map(doubled, [1, 2], shared=None))
