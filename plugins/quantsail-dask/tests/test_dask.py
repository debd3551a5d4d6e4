"""Dask for real: a cluster of its own, and a scheduler and workers started by hand on the loopback device."""

from __future__ import annotations

import json
import os
import signal
import socket
import socketserver
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from quantsail_dask import cluster
from quantsail_dask.executor import DaskExecutor
from quantsail_framework.errors import InputError, RunError
from tests.search.clusters import (
    LOOPBACK,
    ROOT,
    Cases,
    CasesAtAnAddress,
    distribution,
    end_a_sweep,
    has_kept_a_trial,
    listening,
    program,
    starts_a_worker,
    stop_a_sweep,
)
from tests.search.jobs import doubled, pid_of
from tests.search.scripts import run_script


class TestItsOwn(Cases):
    @pytest.fixture
    def running(self, own: Any) -> Any:
        return own

    def test_it_listens_on_the_loopback_device_only(self, running: Any) -> None:
        found = listening(psutil.Process())
        assert found
        assert found <= LOOPBACK

    def test_it_says_nothing_when_a_worker_dies(self, running: Any, capfd: pytest.CaptureFixture[str]) -> None:
        (victim,) = dict(running.map(pid_of, [0], shared=None)).values()
        os.kill(victim, signal.SIGKILL)
        assert len(dict(running.map(pid_of, list(range(40)), shared=None))) == 40
        assert capfd.readouterr() == ("", "")


@contextmanager
def by_hand(folder: Path, workers: int, path: Sequence[str] = ()) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """The address and the process of a scheduler with workers, as their users start them. A task whose worker dies goes
    to a second one by the scheduler's own doing."""
    file = folder / "scheduler.json"
    local = ("--host", "127.0.0.1", "--no-dashboard", "--dashboard-address", "127.0.0.1:0")
    settings = {"DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "1", "PYTHONPATH": os.pathsep.join([str(ROOT), *path])}
    to = ("--scheduler-file", str(file))
    own = ("--nworkers", str(workers), "--nthreads", "2", "--local-directory", str(folder))
    with (
        program("dask", "scheduler", "--port", "0", *to, *local, **settings) as scheduler,
        program("dask", "worker", *to, *own, *local, **settings),
    ):
        until = time.monotonic() + 60
        while not file.exists():
            assert time.monotonic() < until
            time.sleep(0.05)
        yield json.loads(file.read_text())["address"], scheduler


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Of a scheduler with two workers, which have version 0.2 of a plugin."""
    from distributed import Client

    folder = tmp_path_factory.mktemp("cluster")
    with by_hand(folder, 2, [distribution(folder, "0.2")]) as (place, _scheduler):
        with Client(place, set_as_default=False, timeout=60) as client:
            client.wait_for_workers(2, timeout=60)
        yield place


@pytest.fixture(scope="module")
def connected(address: str) -> Iterator[Any]:
    with DaskExecutor(address=address).started() as running:
        yield running


@pytest.mark.slow
class TestAtAnAddress(CasesAtAnAddress):
    executor = "dask"

    @pytest.fixture
    def running(self, connected: Any) -> Any:
        return connected


def test_where_no_scheduler_is_an_error_says_what_to_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "_CONNECT_S", 0.5)
    with pytest.raises(RunError, match=r"no Dask scheduler answers at tcp://127\.0\.0\.1:9: start one with `dask sch"):
        list(DaskExecutor("tcp://127.0.0.1:9").map(doubled, [1], shared=None))


def mute(connection: socket.socket) -> None:
    """Never a word."""
    connection.recv(1)


def refusing(connection: socket.socket) -> None:
    """As a web server, such as the dashboard, does with what it does not understand."""
    connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")


@pytest.mark.parametrize("answer", [mute, refusing])
def test_who_is_no_scheduler_is_not_waited_for(
    answer: Callable[[socket.socket], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "_CONNECT_S", 0.5)
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), lambda connection, *_: answer(connection)) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,)).start()
        began = time.monotonic()
        with pytest.raises(RunError, match=r"no Dask scheduler answers at tcp://127\.0\.0\.1:\d+: start one with"):
            list(DaskExecutor(f"tcp://127.0.0.1:{server.server_address[1]}").map(doubled, [1], shared=None))
        server.shutdown()
    assert time.monotonic() - began < 60


def test_a_worker_is_no_scheduler(own: Any) -> None:
    worker, *_ = own.client.nthreads()
    with pytest.raises(RunError, match=r"no Dask scheduler answers at .* \(it is a Dask Worker\)"):
        list(DaskExecutor(worker).map(doubled, [1], shared=None))


@pytest.mark.slow
def test_a_scheduler_that_is_lost_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "_CONNECT_S", 1.0)
    with by_hand(tmp_path, 1) as (place, scheduler):
        running = DaskExecutor(place).map(pid_of, list(range(1_000)), shared=0.02)
        next(running)
        scheduler.kill()
        with pytest.raises(RunError, match="the connection to the Dask scheduler is lost: is it still running"):
            list(running)


def test_a_scheduler_without_workers_is_waited_for_and_an_error_in_the_end(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from distributed import LocalCluster

    monkeypatch.setattr(cluster, "_PATIENCE_S", 0.2)
    empty = LocalCluster(n_workers=0, host="127.0.0.1", dashboard_address="127.0.0.1:0")
    with empty, pytest.raises(RunError, match=r"has had no worker for 0 s: start some with `dask worker tcp://127"):
        list(DaskExecutor(empty.scheduler_address).map(doubled, [1], shared=None))
    (waiting,) = [record.message for record in caplog.records if record.name == "quantsail_dask.cluster"]
    assert waiting.startswith(
        f"the Dask scheduler at {empty.scheduler_address} has no worker; waiting: start some with"
    )


@pytest.mark.parametrize(("options", "text"), [
    ({"address": "10.0.0.5:8786"}, "must be the address of a scheduler .* such as"),
    ({"address": "foo://10.0.0.5:8786"}, "must be the address of a scheduler .tcp, tls, ws or wss. with its port"),
    ({"address": "tcp://10.0.0.5"}, "must be the address of a scheduler .tcp, tls, ws or wss. with its port"),
    ({"address": "tcp://10.0.0.5:8786", "workers": 2}, "workers is for a cluster of its own"),
])  # fmt: skip
def test_options_that_make_no_sense_are_refused(options: dict[str, Any], text: str) -> None:
    with pytest.raises((InputError, ValueError), match=text):
        DaskExecutor(**options)


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="Ctrl-C is another thing there")
def test_ctrl_c_leaves_nothing_running_and_keeps_the_trials(tmp_path: Path) -> None:
    stop_a_sweep("dask", tmp_path)


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="Ctrl-C is another thing there")
def test_ctrl_c_while_the_cluster_starts_is_as_quiet(tmp_path: Path) -> None:
    stop_a_sweep("dask", tmp_path, starts_a_worker)


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="there is no such signal")
def test_a_process_that_is_killed_leaves_no_worker_and_no_candles(tmp_path: Path) -> None:
    code, told = end_a_sweep("dask", tmp_path, has_kept_a_trial, lambda sweep: os.kill(sweep, signal.SIGKILL))
    assert code == -signal.SIGKILL, told


@pytest.mark.slow
def test_closing_leaves_no_process_and_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    running = DaskExecutor(workers=2).map(pid_of, list(range(10_000)), shared=0.02)
    pids = {next(running)[1] for _ in range(40)}
    running.close()
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
    assert list(tmp_path.iterdir()) == []


def test_an_option_alone_imports_no_dask() -> None:
    code = "import sys; from quantsail_dask.executor import DaskExecutor; DaskExecutor(); print('dask' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


@pytest.mark.slow
def test_a_worker_is_started_again_however_long_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Dask would give it up after 15 s, or here after a tenth of one."""
    import dask

    monkeypatch.setattr(cluster, "_PATIENCE_S", 20.0)
    with dask.config.set({"distributed.deploy.lost-worker-timeout": "100ms"}), DaskExecutor(workers=1).started() as own:
        (victim,) = dict(own.map(pid_of, [0], shared=None)).values()
        os.kill(victim, signal.SIGKILL)
        (other,) = set(dict(own.map(pid_of, [0, 1, 2], shared=None)).values())
        assert other != victim


@pytest.mark.slow
def test_a_script_without_a_guard_is_told(tmp_path: Path) -> None:
    done = run_script("quantsail_dask.executor", "DaskExecutor", tmp_path)
    assert done.returncode == 1
    assert "where a script starts them, that must stand below `if __name__ == '__main__':`" in done.stderr
