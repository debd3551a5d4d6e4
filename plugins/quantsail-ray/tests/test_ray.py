"""Ray for real: a cluster of its own, and one started by hand on the loopback device."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from quantsail_framework.errors import InputError, RunError
from tests.search.clusters import (
    LOOPBACK,
    PROGRAMS,
    ROOT,
    Cases,
    CasesAtAnAddress,
    distribution,
    listening,
    stop_a_sweep,
)
from tests.search.jobs import divided, doubled, killer, odd, pid_of
from tests.search.scripts import SAYS, run_script

pytest.importorskip("quantsail_ray", reason="quantsail-ray is not installed: it is no part of `standard`")
from quantsail_ray import cluster
from quantsail_ray.executor import RayExecutor

pytestmark = pytest.mark.slow
ON_LOOPBACK = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0", "RAY_USAGE_STATS_ENABLED": "0"}
TOKEN = "RAY_AUTH_TOKEN"


@pytest.fixture(scope="module", autouse=True)
def _on_loopback() -> Iterator[None]:
    """As the heads are that these tests start."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in ON_LOOPBACK.items():
            patch.setenv(name, value)
        yield


@pytest.fixture(scope="class")
def own() -> Iterator[Any]:
    with RayExecutor(workers=2).started() as running:
        yield running


class TestItsOwn(Cases):
    @pytest.fixture
    def running(self, own: Any) -> Any:
        return own

    def test_it_listens_on_the_loopback_device_only(self, running: Any) -> None:
        found = listening(psutil.Process())
        assert found
        assert found <= LOOPBACK

    def test_two_maps_at_a_time_do_not_meet(self, running: Any) -> None:
        first = running.map(divided, list(range(1, 41)), shared=120.0)
        found = [next(first)]
        second = running.map(divided, [1, 2], shared=60.0)
        assert dict(second) == {0: 60.0, 1: 30.0}
        found += list(first)
        assert dict(found) == {at: 120.0 / (at + 1) for at in range(40)}

    def test_the_words_of_an_error_that_cannot_travel_do(self, running: Any) -> None:
        with pytest.raises(RunError, match="OddError: nonsense in words"):
            list(running.map(odd, [1], shared=None))

    def test_it_says_nothing_when_a_process_dies(
        self, running: Any, tmp_path: Path, capfd: pytest.CaptureFixture[str]
    ) -> None:
        assert len(dict(running.map(killer, list(range(30)), shared=(str(tmp_path / "died"), 11, 1)))) == 30
        time.sleep(2.0)  # a raylet tells it late
        assert capfd.readouterr() == ("", "")


@contextmanager
def head(folder: Path, token: str = "of-this-head", cpus: int = 2) -> Iterator[tuple[str, list[psutil.Process]]]:
    """A head with two CPUs, as its users start it, and its processes, which have version 0.2 of a plugin."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    start = ["start", "--head", "--node-ip-address", "127.0.0.1", "--port", str(port), "--num-cpus", str(cpus)]
    path = os.pathsep.join([str(ROOT), distribution(folder, "0.2")])
    environment = {**os.environ, "PYTHONPATH": path, "RAY_AUTH_MODE": "token", TOKEN: token}
    before = {process.pid for process in psutil.process_iter()}
    command = [str(PROGRAMS / "ray"), *start, "--include-dashboard=false"]
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
    started = [each for each in psutil.process_iter() if each.pid not in before and _belongs(each, port)]
    try:
        yield f"127.0.0.1:{port}", started
    finally:  # not `ray stop`, which ends whatever Ray runs on this machine
        _kill(started)


def _kill(processes: list[psutil.Process]) -> None:
    for each in processes:
        with suppress(psutil.NoSuchProcess):
            each.kill()
    psutil.wait_procs(processes, timeout=30)


def _belongs(process: psutil.Process, port: int) -> bool:
    """Whether it is one of the head's, by what it was told."""
    told = " ".join(_command(process))
    return f"127.0.0.1:{port}" in told or f"--gcs_server_port={port}" in told


@pytest.fixture(scope="class")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with head(tmp_path_factory.mktemp("cluster")) as (where, _), pytest.MonkeyPatch.context() as patch:
        patch.setenv(TOKEN, "of-this-head")
        yield where


@pytest.fixture(scope="class")
def connected(address: str) -> Iterator[Any]:
    with RayExecutor(address=address).started() as running:
        yield running


class TestAtAnAddress(CasesAtAnAddress):
    executor = "ray"

    @pytest.fixture
    def running(self, connected: Any) -> Any:
        return connected


def test_its_processes_have_ended_when_it_is_closed() -> None:
    before = set(psutil.Process().children(recursive=True))  # of other tests
    with RayExecutor(workers=1).started():
        started = set(psutil.Process().children(recursive=True)) - before
    started = {each for each in started if "resource_tracker" not in " ".join(_command(each))}
    assert len(started) >= 4  # it, the head and what runs there
    assert [each for each in started if each.is_running()] == []


def _command(process: psutil.Process) -> list[str]:
    """Nothing of one that has ended."""
    with suppress(psutil.Error):
        return list(process.cmdline())
    return []


@pytest.mark.skipif(os.name == "nt", reason="Ctrl-C is another thing there")
def test_ctrl_c_leaves_nothing_running_and_keeps_the_trials(tmp_path: Path) -> None:
    stop_a_sweep("ray", tmp_path)


class TestOneThatGoes:
    """Ray would end the process that uses it, without a word."""

    def test_a_lost_cluster_is_an_error(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv(TOKEN, "of-this-head")
        monkeypatch.setenv("RAY_gcs_rpc_server_reconnect_timeout_s", "3")  # after which Ray gives up: 60, if not told
        with head(tmp_path) as (where, started), RayExecutor(where).started() as running:
            results = running.map(pid_of, list(range(10_000)), shared=0.01)
            next(results)
            _kill(started)
            with pytest.raises(RunError, match="the Ray cluster is gone: is it still running"):
                list(results)
            with pytest.raises(RunError, match="the Ray cluster is gone"):
                list(running.map(doubled, [1], shared=None))

    def test_one_that_asks_for_another_token_says_so(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv(TOKEN, "of-another-head")
        monkeypatch.setenv("RAY_NUM_REDIS_GET_RETRIES", "2")  # tries of a second each: 20, if not told
        with (
            head(tmp_path) as (where, _),
            pytest.raises(RunError, match=rf"at {where} asks for a token, .*: set RAY_AUTH_MODE=token and") as refusal,
        ):
            list(RayExecutor(where).map(doubled, [1], shared=None))
        assert "-head" not in str(refusal.value)


def test_a_script_needs_no_guard(tmp_path: Path) -> None:
    done = run_script("quantsail_ray.executor", "RayExecutor", tmp_path)
    assert (done.returncode, done.stdout) == (0, SAYS), done.stderr


def test_a_cluster_without_cpus_is_waited_for_and_an_error_in_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(cluster, "_PATIENCE_S", 0.2)
    monkeypatch.setenv(TOKEN, "of-this-head")
    with head(tmp_path, cpus=0) as (address, _), pytest.raises(RunError) as failure:
        list(RayExecutor(address=address).map(doubled, [1], shared=None))
    remedy = f"add some with `ray start --address {address}`"
    assert str(failure.value) == f"the Ray cluster at {address} has had no CPU for 0 s: {remedy}"
    assert caplog.messages == [f"the Ray cluster at {address} has no CPU; waiting: {remedy}"]


def test_where_no_cluster_is_an_error_says_what_to_start() -> None:
    with pytest.raises(RunError, match=r"no Ray cluster answers at 127\.0\.0\.1:9: start one with `ray start --head`"):
        list(RayExecutor("127.0.0.1:9").map(doubled, [1], shared=None))


@pytest.mark.parametrize("options", [{"address": "tcp://10.0.0.5:6379"}, {"address": "auto", "workers": 2}])
def test_options_that_make_no_sense_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises((InputError, ValueError), match="address"):
        RayExecutor(**options)


def test_an_option_alone_imports_no_ray() -> None:
    code = "import sys; from quantsail_ray.executor import RayExecutor; RayExecutor(); print('ray' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
