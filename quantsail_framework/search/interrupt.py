"""Ctrl-C while processes of other programs are started."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker


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
