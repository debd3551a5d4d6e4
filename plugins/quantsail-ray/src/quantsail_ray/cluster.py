"""A Ray cluster in use: pieces of work on their way through it, and what its processes do with one."""

from __future__ import annotations

import ipaddress
import logging
import os
import pickle
import socket
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

import attrs
import psutil  # type: ignore[import-untyped]

from quantsail_framework.errors import RunError
from quantsail_framework.search import payload
from quantsail_framework.search.crew import Job, LostError, Results, work_off
from quantsail_framework.search.interrupt import interrupt_later

_CONNECT_S = 10.0  # how long the head of a cluster may take to answer
_END_S = 5.0  # and its processes to end when they are told

# Ray reads these when it is imported or started, and hands them to what it starts.
_QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",  # else processes of a program that `uv run` started are started by uv again
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # what it will do anyway, with a warning until it does
}
_LOOPBACK = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}  # a node that no other can join, on every system

# In a process of the cluster: the key of the study that it has, and the study.
_work: dict[str, Any] = {}


@contextmanager
def connected(address: str) -> Iterator[Running]:
    """The cluster that ``address`` belongs to."""
    with ExitStack() as stack:
        with _surroundings(_QUIET):
            import ray

            if not ray.is_initialized():
                try:
                    _knock(address)
                    ray.init(address, log_to_driver=False, logging_level=logging.ERROR)
                except (OSError, RuntimeError, ValueError) as error:
                    remedy = "start one with `ray start --head`, or leave the address out for a cluster on this machine"
                    raise RunError(f"no Ray cluster answers at {address}: {remedy} ({error})") from error
                stack.enter_context(_in_use())
        yield Running()


@contextmanager
def of_its_own(workers: int | None) -> Iterator[Running]:
    """Processes of this machine, on the loopback device only; or the cluster that this process has already."""
    with ExitStack() as stack:
        with interrupt_later(), _surroundings(_QUIET | _LOOPBACK):
            import ray

            if not ray.is_initialized():
                _require_loopback(ray.util.get_node_ip_address())
                ray.init(
                    "local",  # and not one that happens to run here
                    num_cpus=workers or _cores(),
                    include_dashboard=False,
                    log_to_driver=False,
                    logging_level=logging.ERROR,
                )
                stack.enter_context(_in_use())
        yield Running()


def _knock(address: str) -> None:
    """Raise OSError where nobody listens: Ray itself would try for long."""
    host, _, port = address.rpartition(":")
    if host:
        socket.create_connection((host, int(port)), timeout=_CONNECT_S).close()


def _require_loopback(address: str) -> None:
    """Raise RunError when a cluster of this process would listen on ``address``, beyond this machine."""
    if not ipaddress.ip_address(address).is_loopback:
        (name,) = _LOOPBACK
        cause = f"Ray was imported before its executor and would listen on {address}"
        raise RunError(f"{cause}: set {name}=0 before this process starts, or give an address")


@contextmanager
def _in_use() -> Iterator[None]:
    """What this process has connected to or started, to be left or ended afterwards."""
    import ray

    worker = ray._private.worker
    printing = getattr(worker, "_worker_logs_enabled", True)
    worker._worker_logs_enabled = False  # no option of Ray silences what its raylet tells, in colour
    try:
        yield
    finally:
        raylets = [each for each in psutil.Process().children() if each.name().startswith("raylet")]
        started = [each for raylet in raylets for each in (raylet, *raylet.children(recursive=True))]
        ray.shutdown()
        _end(started)
        worker._worker_logs_enabled = printing


def _end(processes: Sequence[psutil.Process]) -> None:
    """Wait for those that Ray told to end: its agents may notice only after a minute that their raylet is gone."""
    _, left = psutil.wait_procs(processes, timeout=_END_S)
    for each in left:
        with suppress(psutil.NoSuchProcess):
            each.kill()
    psutil.wait_procs(left, timeout=_END_S)


@contextmanager
def _surroundings(values: Mapping[str, str]) -> Iterator[None]:
    """Environment variables as they are wanted, but for those that the user has set."""
    new = {name: value for name, value in values.items() if name not in os.environ}
    os.environ.update(new)
    try:
        yield
    finally:
        for name in new:
            del os.environ[name]


def _cores() -> int:
    """Cores that this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


class Running:
    """A cluster in use."""

    def map(
        self, function: Callable[[Any, Any], Any], items: Sequence[Any], *, shared: Any
    ) -> Iterator[tuple[int, Any]]:
        """As the executor's ``map``."""
        import ray

        if not items:
            return
        study = ray.put([pickle.PickleBuffer(part) for part in payload.pack((function, shared))])
        task = ray.remote(run).options(num_cpus=1, max_retries=0)
        crew = _Crew(task, study, payload.versions())
        try:
            yield from work_off(crew, list(enumerate(items)))
        finally:
            for ticket in crew.out:
                ray.cancel(ticket, force=True)


@attrs.frozen
class _Crew:
    """The processes of the cluster, each at one piece of a study in its object store."""

    task: Any
    study: Any
    versions: Mapping[str, str]
    out: set[Any] = attrs.field(init=False, factory=set)

    def workers(self) -> int:
        import ray

        return max(1, int(ray.cluster_resources().get("CPU", 1)))

    def start(self, piece: Sequence[Job]) -> Any:
        # In a list, the reference is handed over as it is: each process fetches the study once and not per piece.
        ticket = self.task.remote([self.study], self.versions, piece)
        self.out.add(ticket)
        return ticket

    def finished(self, tickets: Collection[Any]) -> Collection[Any]:
        import ray

        done: list[Any] = ray.wait(list(tickets), num_returns=1)[0]
        return done

    def results(self, ticket: Any) -> Results:
        import ray
        from ray import exceptions

        self.out.discard(ticket)
        try:
            results: Results = ray.get(ticket)
        except exceptions.RayTaskError as error:
            raise error.cause from None
        except _deaths(exceptions):
            raise LostError from None
        return results


def _deaths(exceptions: Any) -> tuple[type[Exception], ...]:
    """What Ray raises for a task whose process, node or result is gone."""
    return (
        exceptions.WorkerCrashedError,
        exceptions.OutOfMemoryError,
        exceptions.NodeDiedError,
        exceptions.LocalRayletDiedError,
        exceptions.ObjectLostError,
    )


def run(study: Sequence[Any], versions: Mapping[str, str], piece: Sequence[Job]) -> Results:
    """(index, result) of a piece, in a process of the cluster."""
    import ray

    key = study[0].hex()
    if key not in _work:
        payload.check_versions(versions)
        _work.clear()
        _work[key] = payload.unpack(ray.get(study[0]))
    function, shared = _work[key]
    return [(index, function(item, shared)) for index, item in piece]
