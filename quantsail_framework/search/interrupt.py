"""Ctrl-C while processes of other programs are started, and where Python drops it."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker
from types import FrameType


@contextmanager
def interrupt_later() -> Iterator[None]:
    """Ctrl-C meanwhile takes effect at the end: a cluster that is half started cannot be closed.

    A terminal sends it to the processes of the cluster as well. What is started meanwhile, and what that starts later,
    does not take it: it is ended by this process.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows, where processes are not interrupted so
        yield
        return
    came: list[int] = []
    main = threading.current_thread() is threading.main_thread()
    resource_tracker.ensure_running()  # else the first process that is started lets the signal through again
    # Threads of libraries may take what is blocked here and interrupt this one all the same: hence the handler.
    handler = signal.signal(signal.SIGINT, lambda number, _frame: came.append(number)) if main else None
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        if main:
            signal.signal(signal.SIGINT, handler)
    if came:
        signal.raise_signal(signal.SIGINT)


@contextmanager
def interrupts_noticed() -> Iterator[Callable[[], bool]]:
    """Tells whether Ctrl-C has come meanwhile.

    It raises KeyboardInterrupt wherever the program is, and what is raised in a callback of the garbage collector, of
    which libraries have some, Python drops.
    """
    before = signal.getsignal(signal.SIGINT)
    came: list[int] = []
    if threading.current_thread() is not threading.main_thread() or not callable(before):
        yield lambda: False
        return

    def note(number: int, frame: FrameType | None) -> None:
        came.append(number)
        before(number, frame)

    signal.signal(signal.SIGINT, note)
    try:
        yield lambda: bool(came)
    finally:
        signal.signal(signal.SIGINT, before)
