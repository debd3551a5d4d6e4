"""A Ray cluster in use, seen from the process that hands out the work."""

from __future__ import annotations

import logging
import pickle
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

import attrs
import psutil  # type: ignore[import-untyped]

from quantsail_framework.errors import RunError
from quantsail_framework.search import payload
from quantsail_framework.search.crew import Job, LostError, Results, wait_for_some, work_off
from quantsail_framework.search.interrupt import interrupt_later
from quantsail_framework.search.spawn import SPAWN
from quantsail_ray import driver

_CLOSE_S = 30.0  # how long the driver may take to leave a cluster, or to end its own
_PATIENCE_S = 600.0  # how long a cluster may be without a CPU: one that grows by need may have to order machines
_log = logging.getLogger(__name__)


def connected(address: str) -> AbstractContextManager[Running]:
    """The cluster that ``address`` belongs to."""
    return _driver(address, None)


def of_its_own(workers: int | None) -> AbstractContextManager[Running]:
    """Processes of this machine, on the loopback device only."""
    return _driver(None, workers)


@contextmanager
def _driver(address: str | None, workers: int | None) -> Iterator[Running]:
    ours, theirs = SPAWN.Pipe()
    process = SPAWN.Process(target=driver.serve, args=(theirs, address, workers), daemon=True)
    try:
        # Nor do the driver and what it starts take the Ctrl-C of a terminal: this process ends them.
        with interrupt_later():
            process.start()
            theirs.close()
        yield Running(ours, process)
    finally:
        ours.close()  # upon which the driver leaves the cluster
        if process.pid is not None:
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


class Running:
    """A cluster in use: what is asked of it goes to the driver, each question with a number that its answer repeats."""

    def __init__(self, connection: Connection, process: BaseProcess) -> None:
        self._connection = connection
        self._process = process
        self._asked = self._studies = 0
        self._wanted = {0}  # questions whose answers are waited for: after Ctrl-C there may be others
        self._came: dict[int, tuple[bool, Any]] = {}
        try:
            self.address: str = self._answer(0)
        except (EOFError, OSError):
            self._process.join(1.0)
            raise RunError(f"Ray's process ended with {self._process.exitcode} before it had a cluster") from None

    def ask(self, name: str, *values: Any, parts: Sequence[Any] = ()) -> Any:
        """What a method of the driver returns, or raises; ``parts`` are bytes that it is given last."""
        self._asked = number = self._asked + 1
        self._wanted.add(number)
        try:
            with interrupt_later():  # half a question would never be answered
                self._connection.send((number, name, values, len(parts)))
                for part in parts:
                    self._connection.send_bytes(part)
            return self._answer(number)
        except (EOFError, OSError):
            raise self._gone() from None
        finally:
            self._wanted.discard(number)

    def _answer(self, number: int) -> Any:
        """Ctrl-C interrupts the wait for it, not its reading."""
        while number not in self._came:
            self._connection.poll(None)
            with interrupt_later():
                of, *answer = self._connection.recv()
                if of in self._wanted:
                    self._came[of] = answer[0], answer[1]
        fine, value = self._came.pop(number)
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
        self._studies = study = self._studies + 1
        try:
            self.ask("put", study, payload.versions(), parts=payload.pack((function, shared)))
            yield from work_off(_Crew(self.ask, study), list(enumerate(items)))
        finally:
            with suppress(RunError):  # gone, which the caller knows by then
                self.ask("drop", study)


@attrs.frozen
class _Crew:
    """The processes of the cluster, each at one piece of a study that the driver was given."""

    ask: Callable[..., Any]
    study: int

    def workers(self) -> int:
        return max(1, self._cpus())

    def start(self, piece: Sequence[Job]) -> Any:
        return self.ask("start", self.study, payload.by_value(list(piece)))

    def finished(self, tickets: Collection[Any]) -> Collection[Any]:
        done: Collection[Any] = self.ask("finished", list(tickets))
        if not done and not self._cpus():
            self._wait_for_cpus()
        return done

    def _cpus(self) -> int:
        count: int = self.ask("workers")
        return count

    def _wait_for_cpus(self) -> None:
        """Raises RunError when there is none for long: whoever minds the cluster may be about to add some."""
        address = self.ask("address")
        remedy = f"add some with `ray start --address {address}`"
        wait_for_some(self._cpus, f"the Ray cluster at {address}", "CPU", remedy, _PATIENCE_S, _log.warning)

    def results(self, ticket: Any) -> Results:
        packed = self.ask("results", ticket)
        if packed is None:
            raise LostError
        # From a process of the cluster, which runs what this one gives it.
        answer: Results | Exception = pickle.loads(packed)  # noqa: S301
        if isinstance(answer, Exception):
            raise answer
        return answer
