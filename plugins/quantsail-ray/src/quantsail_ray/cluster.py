"""A Ray cluster in use, seen from the process that hands out the work."""

from __future__ import annotations

import multiprocessing
import pickle
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

import attrs
import cloudpickle
import psutil  # type: ignore[import-untyped]

from quantsail_framework.errors import RunError
from quantsail_framework.search import payload
from quantsail_framework.search.crew import Job, LostError, Results, work_off
from quantsail_framework.search.interrupt import interrupt_later
from quantsail_ray import driver

_CLOSE_S = 30.0  # how long the driver may take to leave a cluster, or to end its own


def connected(address: str) -> AbstractContextManager[Running]:
    """The cluster that ``address`` belongs to."""
    return _driver(address, None)


def of_its_own(workers: int | None) -> AbstractContextManager[Running]:
    """Processes of this machine, on the loopback device only."""
    return _driver(None, workers)


@contextmanager
def _driver(address: str | None, workers: int | None) -> Iterator[Running]:
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = spawn.Pipe()
    process = spawn.Process(target=driver.serve, args=(theirs, address, workers), daemon=True)
    with (
        interrupt_later()
    ):  # nor do the driver and what it starts take the Ctrl-C of a terminal: this process ends them
        process.start()
        theirs.close()
    try:
        running = Running(ours, process)
        running.address = running.answer()
        yield running
    finally:
        ours.close()  # upon which the driver leaves the cluster
        _end(process)


def _end(process: BaseProcess) -> None:
    process.join(_CLOSE_S)
    if process.is_alive():
        with suppress(psutil.NoSuchProcess):
            family = psutil.Process(process.pid).children(recursive=True)
            process.kill()
            for each in family:
                with suppress(psutil.NoSuchProcess):
                    each.kill()
        process.join()


@attrs.define
class Running:
    """A cluster in use: what is asked of it goes to the driver, one question at a time."""

    _connection: Connection
    _process: BaseProcess
    address: str = attrs.field(init=False)
    _owed: int = attrs.field(init=False, default=1)  # answers that were not waited for, since Ctrl-C came: not wanted

    def ask(self, name: str, *values: Any, parts: Sequence[Any] = ()) -> Any:
        """What a method of the driver returns; ``parts`` are bytes that it is given last."""
        try:
            while self._owed:
                self._connection.recv()
                self._owed -= 1
            self._owed += 1
            self._connection.send((name, values, len(parts)))
            for part in parts:
                self._connection.send_bytes(part)
        except (EOFError, OSError):
            raise self._gone() from None
        return self.answer()

    def answer(self) -> Any:
        """The driver's answer to what it was asked last. Raises what it raised."""
        try:
            fine, value = self._connection.recv()
        except (EOFError, OSError):
            raise self._gone() from None
        self._owed -= 1
        if fine:
            return value
        raise value

    def _gone(self) -> RunError:
        self._process.join(1.0)
        return RunError(f"the Ray cluster is gone: is it still running? (Ray ended with {self._process.exitcode})")

    def map(
        self, function: Callable[[Any, Any], Any], items: Sequence[Any], *, shared: Any
    ) -> Iterator[tuple[int, Any]]:
        """As the executor's ``map``."""
        if not items:
            return
        self.ask("put", payload.versions(), parts=payload.pack((function, shared)))
        try:
            yield from work_off(_Crew(self.ask), list(enumerate(items)))
        finally:
            with suppress(RunError):  # gone, which the caller knows by then
                self.ask("drop")


@attrs.frozen
class _Crew:
    """The processes of the cluster, each at one piece of the study that the driver was given."""

    ask: Callable[..., Any]

    def workers(self) -> int:
        count: int = self.ask("workers")
        return count

    def start(self, piece: Sequence[Job]) -> Any:
        return self.ask("start", cloudpickle.dumps(list(piece)))

    def finished(self, tickets: Collection[Any]) -> Collection[Any]:
        done: Collection[Any] = self.ask("finished", list(tickets))
        return done

    def results(self, ticket: Any) -> Results:
        packed = self.ask("results", ticket)
        if packed is None:
            raise LostError
        # From a process of the cluster, which runs what this one gives it.
        answer: Results | Exception = pickle.loads(packed)  # noqa: S301
        if isinstance(answer, Exception):
            raise answer
        return answer
