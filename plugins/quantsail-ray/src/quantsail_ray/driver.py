"""The process that talks to Ray, and what a process of the cluster does.

It is one of its own since Ray ends the process that it is used in, without a word to Python, once its cluster is gone.
Nor does Ray ask before it writes to the terminal, reads the environment or keeps a token: here it can.
"""

from __future__ import annotations

import logging
import os
import pickle
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]

from quantsail_framework.errors import QuantsailError, RunError
from quantsail_framework.search import payload
from quantsail_framework.search.crew import Job, Results, cores

_CONNECT_S = 10.0  # how long the head of a cluster may take to answer
_LOOK_S = 1.0  # after which whoever waits for a piece may ask for something else
_END_S = 5.0  # how long the processes of a cluster of its own may take to end

# Ray reads these when it is imported or started, and hands them to what it starts. What the user has set, stands.
_QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",  # else processes of a program that `uv run` started are started by uv again
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # what it will do anyway, with a warning until it does
}
_LOOPBACK = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}  # a node that no other can join, on every system
_MODE = "RAY_AUTH_MODE"
_TOKENS = ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH")

# In a process of the cluster: the key of the study that it has, and the study.
_work: dict[str, Any] = {}


def serve(connection: Connection, address: str | None, workers: int | None) -> None:
    """Connect to ``address``, or start a cluster, and answer until the other side closes the connection.

    Each answer is (the number of its question, whether it went well, what is returned or raised). Unasked, with the
    number 0, the first one is the address.
    """
    _silence()
    try:
        with _connected(address) if address else _of_its_own(workers) as driver:
            connection.send((0, True, driver.address()))
            _answer(connection, driver)
    except EOFError:
        pass
    except Exception as error:  # noqa: BLE001 - it is raised on the other side
        with suppress(OSError):
            connection.send((0, False, _told(error)))


def _answer(connection: Connection, driver: Driver) -> None:
    while True:
        number, name, values, count = connection.recv()
        parts = [connection.recv_bytes() for _ in range(count)]
        try:
            answer = (number, True, getattr(driver, name)(*values, *parts))
        except Exception as error:  # noqa: BLE001 - it is raised on the other side
            answer = (number, False, _told(error))
        connection.send(answer)


def _told(error: Exception) -> QuantsailError:
    """The error as the other side can read it, which need not have Ray."""
    return error if isinstance(error, QuantsailError) else RunError(f"Ray failed: {type(error).__name__}: {error}")


def _silence() -> None:
    """No option of Ray keeps all its processes from writing to the terminal. What matters is told by Quantsail."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    for output in (1, 2):
        os.dup2(nothing, output)
    os.close(nothing)


@contextmanager
def _connected(address: str) -> Iterator[Driver]:
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    if any(name in os.environ for name in _TOKENS) or (Path.home() / ".ray" / "auth_token").is_file():
        os.environ.setdefault(_MODE, "token")  # as `ray start` does; a program that connects is left to itself
    import ray

    try:
        _knock(address)
        ray.init(address, log_to_driver=False, logging_level=logging.ERROR)
    except (OSError, RuntimeError, ValueError) as error:
        raise RunError(_unanswered(address, error)) from None
    try:
        yield Driver()
    finally:
        ray.shutdown()


def _knock(address: str) -> None:
    """Raise OSError where nobody listens: Ray itself would try for long."""
    host, _, port = address.rpartition(":")
    if host:
        socket.create_connection((host, int(port)), timeout=_CONNECT_S).close()


def _unanswered(address: str, error: BaseException) -> str:
    """What to tell of a cluster that could not be connected to."""
    causes: list[BaseException] = [error]
    while (cause := causes[-1].__cause__ or causes[-1].__context__) is not None:
        causes.append(cause)
    if any("AuthToken" in str(each) for each in causes):
        where = f"set {_MODE}=token and its token in {_TOKENS[0]}, or a file with it in {_TOKENS[1]}"
        return f"the Ray cluster at {address} asks for a token, and not for the one that it was given, if any: {where}"
    remedy = "start one with `ray start --head`, or leave the address out for a cluster on this machine"
    return f"no Ray cluster answers at {address}: {remedy} ({error})"


@contextmanager
def _of_its_own(workers: int | None) -> Iterator[Driver]:
    for name, value in (_QUIET | _LOOPBACK).items():
        os.environ.setdefault(name, value)
    import ray

    ray.init(
        "local",  # and not one that happens to run here
        num_cpus=workers or cores(),
        include_dashboard=False,
        log_to_driver=False,
        logging_level=logging.ERROR,
    )
    try:
        yield Driver()
    finally:
        started = psutil.Process().children(recursive=True)
        ray.shutdown()
        _end(started)


def _end(processes: Sequence[psutil.Process]) -> None:
    """Wait for those that Ray told to end: its agents may notice only after a minute that their raylet is gone."""
    _, left = psutil.wait_procs(processes, timeout=_END_S)
    for each in left:
        with suppress(psutil.NoSuchProcess):
            each.kill()
    psutil.wait_procs(left, timeout=_END_S)


class Driver:
    """What can be asked of the cluster: to have a study, and to run pieces of it."""

    def __init__(self) -> None:
        import ray

        self._task = ray.remote(run).options(num_cpus=1, max_retries=0)
        self._studies: dict[int, tuple[Any, Mapping[str, str]]] = {}
        self._out: dict[int, tuple[int, Any]] = {}  # by ticket: study and what Ray knows the piece by
        self._started = 0

    def address(self) -> str:
        """Of the head of the cluster."""
        import ray

        return str(ray.get_runtime_context().gcs_address)

    def put(self, study: int, versions: Mapping[str, str], *parts: bytes) -> None:
        """Take a packed study, whose items need these versions."""
        import ray

        self._studies[study] = ray.put([pickle.PickleBuffer(part) for part in parts]), versions

    def workers(self) -> int:
        """How many processes it has CPUs for now."""
        import ray

        return int(ray.cluster_resources().get("CPU", 0))

    def start(self, study: int, piece: bytes) -> int:
        """Hand out a piece; returns its ticket."""
        packed, versions = self._studies[study]
        self._started += 1
        # In a list, the reference is handed over as it is: each process fetches the study once and not per piece.
        self._out[self._started] = study, self._task.remote([packed], versions, piece)
        return self._started

    def finished(self, tickets: Sequence[int]) -> list[int]:
        """The tickets that are finished by now, or soon; perhaps none."""
        import ray

        ticket_of = {self._out[ticket][1]: ticket for ticket in tickets}
        return [ticket_of[each] for each in ray.wait(list(ticket_of), num_returns=1, timeout=_LOOK_S)[0]]

    def results(self, ticket: int) -> bytes | None:
        """What ``run`` returned for it; None when its process, its node or its result is gone."""
        import ray
        from ray import exceptions

        deaths = (
            exceptions.WorkerCrashedError,
            exceptions.OutOfMemoryError,
            exceptions.NodeDiedError,
            exceptions.LocalRayletDiedError,
            exceptions.ObjectLostError,
        )
        try:
            packed: bytes = ray.get(self._out.pop(ticket)[1])
        except exceptions.RayTaskError as error:
            raise RunError(f"a process of the Ray cluster failed: {error.cause}") from None
        except deaths:
            return None
        return packed

    def drop(self, study: int) -> None:
        """Cancel what is handed out of a study, and forget it."""
        import ray

        self._studies.pop(study, None)
        left = [ticket for ticket, (of, _) in self._out.items() if of == study]
        for _, piece in [self._out.pop(ticket) for ticket in left]:
            ray.cancel(piece, force=True)


def run(study: Sequence[Any], versions: Mapping[str, str], piece: bytes) -> bytes:
    """The packed [(index, result)] of a packed piece, or the exception that ended it, in a process of the cluster."""
    answer: Results | Exception
    try:
        function, shared = _unpacked(study, versions)
        jobs: list[Job] = pickle.loads(piece)  # noqa: S301 - from the process that gives this one its work
        answer = [(index, function(item, shared)) for index, item in jobs]
    except Exception as error:  # noqa: BLE001 - it is raised where the search was started
        answer = payload.readable(error, payload.by_value)
    return payload.by_value(answer)


def _unpacked(study: Sequence[Any], versions: Mapping[str, str]) -> Any:
    """The study; only its first piece in a process unpacks it."""
    import ray

    key = study[0].hex()
    if key not in _work:
        payload.check_versions(versions)
        _work.clear()
        _work[key] = payload.unpack(ray.get(study[0]))
    return _work[key]
