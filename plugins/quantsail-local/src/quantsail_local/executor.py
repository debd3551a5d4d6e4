"""The executor `local`: processes of this machine that share the candles by mapping one file."""

from __future__ import annotations

import multiprocessing
import os
import pickle
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
from quantsail_framework.search.spawn import SPAWN

_PROBE_S = 0.05  # how long this process works alone before it looks whether more are worth their start
_START_S = 0.7  # about what it takes until the first process has imported everything
_SHARE_S = 10.0  # of work: for less, this process is one of the workers, instead of one more that has to start

# In a worker process: the function and the study that it was started with.
_work: list[Any] = []


@attrs.frozen
class LocalExecutor:
    """Runs items in processes of this machine; the same results for any number of them.

    The first items run here; when the rest would take no longer than starting processes, all do, and when it takes not
    much longer, this process is one of the workers. Candles are written to a temporary file once and mapped by every
    process. An item whose process dies is run once more, unless that process is this one.
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
        left_s, times = 0.0, [time.perf_counter()]
        while len(times) <= len(jobs) and (workers == 1 or not _worth(left_s, times, workers)):
            index, item = jobs[len(times) - 1]
            yield index, function(item, shared)
            times.append(time.perf_counter())
            left_s = _left_s(times, len(jobs))
        if jobs := jobs[len(times) - 1 :]:
            own = (lambda item: function(item, shared)) if left_s < _SHARE_S else None
            with _Crew(workers, function, shared, shares=own is not None) as crew:
                yield from work_off(crew, jobs, own)


def _left_s(times: Sequence[float], total: int) -> float:
    """What is left takes so long, by the pace between ``times``. The first item also makes what all share."""
    done = len(times) - 1
    pace = times[1] - times[0] if done == 1 else (times[-1] - times[1]) / (done - 1)
    return pace * (total - done)


def _worth(left_s: float, times: Sequence[float], workers: int) -> bool:
    """Whether starting processes pays: what is left beside the same split among them."""
    if len(times) < 2 or times[-1] - times[0] < _PROBE_S:
        return False
    # The first item alone is a measure only where it takes so long that what it makes for all cannot be why.
    return (len(times) > 2 or times[1] - times[0] > _START_S) and left_s > _START_S + left_s / workers


class _Crew:
    """Processes over one study, replaced as a whole when one of them dies.

    ``shares``: this process is one of the workers, until another dies.
    """

    def __init__(self, workers: int, function: Callable[[Any, Any], Any], shared: Any, *, shares: bool) -> None:
        self._workers = workers
        self._shares = shares
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
        return self._workers - self._shares

    def start(self, piece: Sequence[Job]) -> Future[bytes]:
        try:
            return self._submitted(piece)
        except BrokenProcessPool:
            _end(self._pool)
            self._shares = False
            self._pool = self._new_pool()
            return self._submitted(piece)

    def _submitted(self, piece: Sequence[Job]) -> Future[bytes]:
        return self._pool.submit(_run, payload.by_value(list(piece)))

    def finished(self, tickets: Collection[Future[bytes]]) -> Collection[Future[bytes]]:
        return wait(tickets, return_when=FIRST_COMPLETED).done

    def results(self, ticket: Future[bytes]) -> Results:
        try:
            results: Results = pickle.loads(ticket.result())  # noqa: S301 - from a process of this one
        except BrokenProcessPool:
            raise LostError from None
        return results

    def _new_pool(self) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(
            self.workers(),
            SPAWN,
            initializer=_start,
            initargs=(str(self._file),),
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


def _run(piece: bytes) -> bytes:
    function, shared = _work
    try:
        results = [(index, function(item, shared)) for index, item in pickle.loads(piece)]  # noqa: S301 - its parent's
    except Exception as error:
        told = payload.readable(error, pickle.dumps)
        if told is error:
            raise
        raise told from error
    return payload.by_value(results)
