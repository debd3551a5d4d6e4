"""The executor `local`: processes of this machine that share the candles by mapping one file."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any, Self

import attrs
from attrs.validators import ge, optional

from quantsail_framework.search import payload
from quantsail_framework.search.crew import Job, LostError, Results, cores, work_off

_PROBE_S = 0.3  # how long this process works alone before it looks whether more are worth their start
_START_S = 0.7  # about what it takes until the first process has imported everything

# In a worker process: the function and the study that it was started with.
_work: list[Any] = []


@attrs.frozen
class LocalExecutor:
    """Runs items in processes of this machine; the same results for any number of them.

    The first items run here; when the rest would take no longer than starting processes, all do. Candles are written
    to a temporary file once and mapped by every process. An item whose process dies is run once more.
    """

    workers: int | None = attrs.field(
        default=None, validator=optional(ge(1)), metadata={"doc": "Processes; without a number, one per core."}
    )

    def map(
        self, function: Callable[[Any, Any], Any], items: Sequence[Any], *, shared: Any
    ) -> Iterator[tuple[int, Any]]:
        """(index, ``function(item, shared)``) in any order. Closing the iterator ends the processes."""
        jobs: list[Job] = list(enumerate(items))
        workers = min(self.workers or cores(), len(jobs))
        done, began = 0, time.perf_counter()
        while jobs[done:] and (workers == 1 or not _worth(done, len(jobs), time.perf_counter() - began, workers)):
            index, item = jobs[done]
            yield index, function(item, shared)
            done += 1
        if jobs[done:]:
            with _Crew(workers, function, shared) as crew:
                yield from work_off(crew, jobs[done:])


def _worth(done: int, total: int, seconds: float, workers: int) -> bool:
    """Whether starting processes pays: what is left, by the pace so far, beside the same split among them."""
    if not done or seconds < _PROBE_S:
        return False
    left = seconds / done * (total - done)
    return left > _START_S + left / workers


class _Crew:
    """Processes over one study, replaced as a whole when one of them dies."""

    def __init__(self, workers: int, function: Callable[[Any, Any], Any], shared: Any) -> None:
        self._workers = workers
        self._folder = Path(tempfile.mkdtemp(prefix="quantsail-"))
        self._file = self._folder / "study"
        try:
            payload.save(self._file, (function, shared))
        except BaseException:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise
        self._pool = self._new_pool()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        _end(self._pool)
        shutil.rmtree(self._folder, ignore_errors=True)

    def workers(self) -> int:
        return self._workers

    def start(self, piece: Sequence[Job]) -> Future[Results]:
        try:
            return self._pool.submit(_run, piece)
        except BrokenProcessPool:
            _end(self._pool)
            self._pool = self._new_pool()
            return self._pool.submit(_run, piece)

    def finished(self, tickets: Collection[Future[Results]]) -> Collection[Future[Results]]:
        return wait(tickets, return_when=FIRST_COMPLETED).done

    def results(self, ticket: Future[Results]) -> Results:
        try:
            return ticket.result()
        except BrokenProcessPool:
            raise LostError from None

    def _new_pool(self) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(
            self._workers, multiprocessing.get_context("spawn"), initializer=_start, initargs=(str(self._file),)
        )


def _end(pool: ProcessPoolExecutor) -> None:
    """Do not wait for items that nobody asks for any more."""
    processes = list((getattr(pool, "_processes", None) or {}).values())
    pool.shutdown(wait=False, cancel_futures=True)
    for process in processes:
        process.terminate()
    for process in processes:
        process.join()


def _start(file: str) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all of them: the process that started them ends them
    threading.Thread(target=_end_with_parent, args=(Path(file).parent,), daemon=True).start()
    _work[:] = payload.load(Path(file))


def _end_with_parent(folder: Path) -> None:
    """A parent that was killed can end nobody: its processes would wait for work for good."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        shutil.rmtree(folder, ignore_errors=True)
        os._exit(1)


def _run(piece: Sequence[Job]) -> Results:
    function, shared = _work
    return [(index, function(item, shared)) for index, item in piece]
