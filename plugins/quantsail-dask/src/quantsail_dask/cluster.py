"""The side of the process that hands out the work: a cluster, and pieces of work on their way through it."""

from __future__ import annotations

import logging
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import attrs
import dask
from distributed import CancelledError, Client, KilledWorker, LocalCluster, wait
from distributed.comm.core import CommClosedError, connect
from distributed.core import send_recv
from distributed.security import Security
from distributed.utils import LoopRunner

from quantsail_dask.worker import Study, run
from quantsail_framework.errors import RunError
from quantsail_framework.search.crew import Job, LostError, Results, cores, wait_for_some, work_off
from quantsail_framework.search.interrupt import interrupt_later

_log = logging.getLogger(__name__)

_CONNECT_S = 10.0  # how long a scheduler may take to answer
_PATIENCE_S = 60.0  # how long a cluster may be without a worker
_LOOK_S = 2.0  # between two looks whether it has one
_TRIES = 5  # to give the study to all workers
# Its input ends with the process that started it. Workers end by themselves then, but may still write.
_KEEPER = """
import os, shutil, sys, time
sys.stdin.read()
for _ in range(50):
    shutil.rmtree(sys.argv[1], ignore_errors=True)
    if not os.path.exists(sys.argv[1]):
        break
    time.sleep(0.1)
"""
# Dask would look, so long after a worker has died, whether there is one of its name, and for good end one that is just
# being started again: because the machine is slow, or because it has died once more.
_NEVER = "8760h"
_LOST = "the connection to the Dask scheduler is lost: is it still running?"


@contextmanager
def connected(address: str) -> Iterator[Running]:
    """The cluster whose scheduler is at ``address``."""
    try:
        _knock(address)
        client = Client(address, timeout=_CONNECT_S, set_as_default=False)
    except Exception as error:
        remedy = "start one with `dask scheduler`, or leave the address out for a cluster on this machine"
        raise RunError(f"no Dask scheduler answers at {address}: {remedy} ({error})") from error
    with client:
        yield Running(client)


def _knock(address: str) -> None:
    """Raise where no scheduler answers in time. A client would wait for whoever listens there for good, and one that
    could not connect complains when it is thrown away. A stranger's answer can raise anything."""
    # Not asyncio.run: this thread may run a loop already, as in a notebook.
    who = LoopRunner(asynchronous=False).run_sync(_identity, address, callback_timeout=_CONNECT_S + 1.0)
    if who != "Scheduler":
        raise ValueError(f"it is a Dask {who}")


async def _identity(address: str) -> Any:
    """What Dask calls whoever listens at the address."""
    comm = await connect(address, timeout=_CONNECT_S, **Security().get_connection_args("client"))
    try:
        return (await send_recv(comm, op="identity"))["type"]
    finally:
        comm.abort()


@contextmanager
def of_its_own(workers: int | None) -> Iterator[Running]:
    """Processes of this machine behind a scheduler in this one. They listen on the loopback device only.

    A task that loses its worker is not run again by the scheduler: the executor knows what to do.
    """
    with ExitStack() as stack:
        with interrupt_later():
            folder = stack.enter_context(_folder())
            stack.enter_context(dask.config.set({"distributed.deploy.lost-worker-timeout": _NEVER}))
            with dask.config.set({"distributed.scheduler.allowed-failures": 0, "temporary-directory": str(folder)}):
                cluster = stack.enter_context(_local(workers or cores()))
            client = stack.enter_context(Client(cluster, set_as_default=False))
        yield Running(client, folder)


def _local(workers: int) -> LocalCluster:
    try:
        return LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            host="127.0.0.1",
            dashboard_address=None,
            scheduler_kwargs={"dashboard_address": "127.0.0.1:0"},  # where its plain status pages would be
            silence_logs=logging.CRITICAL,
        )
    except RuntimeError as error:  # for one, each worker runs a script again that has no guard, and breaks off there
        guard = "where a script starts them, that must stand below `if __name__ == '__main__':`"
        raise RunError(f"Dask could not start its workers ({error}); {guard}") from error


@contextmanager
def _folder() -> Iterator[Path]:
    """A temporary folder. When this process is killed, its candles are not left: another one waits for that."""
    with tempfile.TemporaryDirectory(prefix="quantsail-", ignore_cleanup_errors=True) as folder:
        command = [sys.executable, "-I", "-S", "-c", _KEEPER, folder]
        with subprocess.Popen(command, stdin=subprocess.PIPE):  # which the end of this process closes, however it ends
            yield Path(folder)


@attrs.frozen
class Running:
    """A cluster in use. Workers of this machine map the study from a file in ``folder``; to others it is sent."""

    client: Client
    folder: Path | None = None

    def map(
        self, function: Callable[[Any, Any], Any], items: Sequence[Any], *, shared: Any
    ) -> Iterator[tuple[int, Any]]:
        """As the executor's ``map``."""
        if not items:
            return
        name = f"quantsail-{uuid.uuid4().hex}"
        study = Study.packed((function, shared), self.folder and self.folder / name)
        crew = _Crew(self.client, name)
        crew.wait_for_workers()
        try:
            self._give(study, name)
            yield from work_off(crew, list(enumerate(items)))
        except CommClosedError as error:
            raise RunError(_LOST) from error
        finally:
            with suppress(OSError, ValueError):  # the scheduler is gone, or never got it
                self.client.unregister_worker_plugin(name)  # whoever works on a piece stops after its item

    def _give(self, study: Study, name: str) -> None:
        """Workers that join later are given it as well. One that dies just then fails the whole call: once more."""
        for left in reversed(range(_TRIES)):
            try:
                self.client.register_plugin(study, name)
                return
            except ModuleNotFoundError as error:
                raise RunError(f"a worker has no module {error.name}: install quantsail-dask there too") from error
            except OSError as error:
                if not left or self.client.status != "running":
                    raise RunError(f"the study could not be given to the workers of the cluster: {error}") from error
                time.sleep(_LOOK_S)


@attrs.frozen
class _Crew:
    """The workers of a cluster, each at one piece of the study of that name."""

    client: Client
    name: str

    def workers(self) -> int:
        return max(1, len(self.client.nthreads()))

    def start(self, piece: Sequence[Job]) -> Any:
        return self.client.submit(run, self.name, piece, pure=False)

    def finished(self, tickets: Collection[Any]) -> Collection[Any]:
        while True:
            try:
                with self.client.as_current():
                    done: Collection[Any] = wait(list(tickets), timeout=_LOOK_S, return_when="FIRST_COMPLETED").done
            except TimeoutError:
                self.wait_for_workers()
            except CancelledError:
                return [ticket for ticket in tickets if ticket.cancelled()]
            else:
                return done

    def results(self, ticket: Any) -> Results:
        try:
            results: Results = ticket.result()
        except KilledWorker as death:
            raise LostError(again=death.allowed_failures > 0) from None
        except CancelledError:
            if self.client.status != "running":
                raise RunError(_LOST) from None
            raise LostError from None
        return results

    def wait_for_workers(self) -> None:
        """Raises RunError when there is none for long: whoever minds the cluster may be about to start some."""
        if self.client.nthreads():
            return
        address = self.client.scheduler_info()["address"]
        remedy = f"start some with `dask worker {address} --nworkers auto --nthreads 1`"
        whose = f"the Dask scheduler at {address}"
        wait_for_some(lambda: len(self.client.nthreads()), whose, "worker", remedy, _PATIENCE_S, _log.warning)
