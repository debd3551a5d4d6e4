"""Ray for real: a cluster of its own, and one started by hand on the loopback device."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
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
from tests.search.jobs import doubled, killer

pytest.importorskip("quantsail_ray", reason="quantsail-ray is not installed: it is no part of `standard`")
from quantsail_ray.executor import RayExecutor

pytestmark = pytest.mark.slow
ON_LOOPBACK = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0", "RAY_USAGE_STATS_ENABLED": "0"}


@pytest.fixture(scope="module", autouse=True)
def _on_loopback() -> Iterator[None]:
    """Also where this process connects to an address first: Ray reads it when it is imported."""
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

    def test_it_says_nothing_when_a_process_dies(
        self, running: Any, tmp_path: Path, capfd: pytest.CaptureFixture[str]
    ) -> None:
        assert len(dict(running.map(killer, list(range(30)), shared=(str(tmp_path / "died"), 11, 1)))) == 30
        time.sleep(2.0)  # a raylet tells it late
        assert capfd.readouterr() == ("", "")

    def test_it_leaves_the_environment_as_it_was(self, running: Any) -> None:
        assert [name for name in os.environ if name.startswith("RAY_ENABLE_UV")] == []


@pytest.fixture(scope="class")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A head with two CPUs, as its users start it. Its processes have version 0.2 of a plugin."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    start = ["start", "--head", "--node-ip-address", "127.0.0.1", "--port", str(port), "--num-cpus", "2"]
    path = os.pathsep.join([str(ROOT), distribution(tmp_path_factory.mktemp("cluster"), "0.2")])
    before = {process.pid for process in psutil.process_iter()}
    command = [PROGRAMS / "ray", *start, "--include-dashboard=false"]
    subprocess.run(command, env={**os.environ, "PYTHONPATH": path}, check=True, stdout=subprocess.DEVNULL)
    raylets = [each for each in psutil.process_iter() if each.pid not in before and _belongs(each, port)]
    try:
        yield f"127.0.0.1:{port}"
    finally:  # not `ray stop`, which ends whatever Ray runs on this machine
        for each in raylets:
            each.kill()
        psutil.wait_procs(raylets, timeout=30)


def _belongs(process: psutil.Process, port: int) -> bool:
    """Whether it is one of the head's, by what it was told."""
    try:
        told = " ".join(process.cmdline())
    except psutil.Error:
        return False
    return f"127.0.0.1:{port}" in told or f"--gcs_server_port={port}" in told


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
    with RayExecutor(workers=1).started():
        started = [each for each in psutil.Process().children(recursive=True) if each.name().startswith("ray")]
    assert len(started) >= 3  # the raylet and its agents
    assert [each for each in started if each.is_running()] == []


@pytest.mark.skipif(os.name == "nt", reason="Ctrl-C is another thing there")
def test_ctrl_c_leaves_nothing_running_and_keeps_the_trials(tmp_path: Path) -> None:
    stop_a_sweep("ray", tmp_path)


def test_ray_that_would_listen_beyond_this_machine_is_not_started() -> None:
    from quantsail_ray.cluster import _require_loopback

    _require_loopback("127.0.0.1")
    with pytest.raises(RunError, match=r"imported before its executor and would listen on 10\.0\.0\.7: set RAY_EN"):
        _require_loopback("10.0.0.7")


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
