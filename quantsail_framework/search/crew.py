"""Jobs handed out in pieces to whatever works on them elsewhere; those lost with a worker run once more."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import Any, Protocol

from quantsail_framework.errors import RunError

_PIECES = 4  # per worker that what is left would make: pieces get shorter, so that all workers end together
_LONGEST = 32  # jobs that one worker is given at once
_LOOK_S = 1.0  # between two looks at what a cluster has
_AHEAD = 2  # pieces that are handed out per worker, so that none waits for the next

Job = tuple[int, Any]
Results = list[tuple[int, Any]]


class LostError(Exception):
    """The worker of a piece died with it. ``again``: it had already been given to more than one."""

    def __init__(self, *, again: bool = False) -> None:
        super().__init__("a worker died")
        self.again = again


class Crew(Protocol):
    """Workers, each of which works on one piece at a time."""

    def workers(self) -> int:
        """How many there are now, at least 1."""
        ...

    def start(self, piece: Sequence[Job]) -> Any:
        """Hand out a piece; returns a ticket that can be hashed."""
        ...

    def finished(self, tickets: Collection[Any]) -> Iterable[Any]:
        """Wait until one of them is finished; those that are."""
        ...

    def results(self, ticket: Any) -> Results:
        """(index, result) of the piece. Raises what a job raised, and LostError when its worker died."""
        ...


def cores() -> int:
    """Cores that this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def wait_for_some(
    count: Callable[[], int], whose: str, what: str, remedy: str, patience_s: float, tell: Callable[[str], None]
) -> None:
    """Wait until there are any of ``what`` that a cluster lacks, which is told once. Raises RunError after a while."""
    tell(f"{whose} has no {what}; waiting: {remedy}")
    until = time.monotonic() + patience_s
    while not count():
        if time.monotonic() > until:
            raise RunError(f"{whose} has had no {what} for {patience_s:.0f} s: {remedy}")
        time.sleep(min(_LOOK_S, patience_s / 10))


def work_off(crew: Crew, jobs: Sequence[Job], own: Callable[[Any], Any] | None = None) -> Iterator[tuple[int, Any]]:
    """(index, result) of every job, in any order. What a dying worker took along runs once more, each job alone.

    ``own`` does an item in this process, while no worker has finished a piece and until one dies; the crew's tickets
    are futures then. Raises RunError naming the job that ends its worker again.
    """
    lost: list[Job] = []
    yield from _round(crew, deque(jobs), lost, own)
    for job in lost:
        again: list[Job] = []
        yield from _round(crew, deque([job]), again)
        if again:
            raise _deadly(job)


def _round(
    crew: Crew, left: deque[Job], lost: list[Job], own: Callable[[Any], Any] | None = None
) -> Iterator[tuple[int, Any]]:
    running: dict[Any, list[Job]] = {}
    while left or running:
        workers = crew.workers() if left else 0
        while left and len(running) < _AHEAD * workers:
            piece = [left.popleft() for _ in range(min(_LONGEST, -(-len(left) // (workers * _PIECES))))]
            running[crew.start(piece)] = piece
        if own and left and not any(ticket.done() for ticket in running):
            index, item = left.pop()
            yield index, own(item)
            continue
        for ticket in crew.finished(running.keys()):
            piece = running.pop(ticket)
            try:
                results = crew.results(ticket)
            except LostError as loss:
                if loss.again and len(piece) == 1:
                    raise _deadly(piece[0]) from None
                results, own = [], None
            yield from results
            came = {index for index, _ in results}
            lost += [job for job in piece if job[0] not in came]


def _deadly(job: Job) -> RunError:
    """Names the item by its values: its index counts what was left, so that it differs once a search was resumed."""
    return RunError(f"item {job[1]!r} ended its process twice; does it need too much memory?")
