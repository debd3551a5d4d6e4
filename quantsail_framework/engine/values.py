"""How the engine makes the values that it makes most of."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager

# Makes a named tuple without the Python-level call of its constructor; for what is made per signal or trade.
new = tuple.__new__

_MANY = 50_000  # new containers between two looks for garbage; Python's own 700 take a tenth of a run's time


class _Collector:
    """Python's own, told to look less often while runs are on: the first tells it, the last of them ends it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._runs = 0
        self._before = gc.get_threshold()

    @contextmanager
    def seldom(self) -> Iterator[None]:
        """Inside, garbage that refers to itself is looked for less often: values of a run are many and make none."""
        with self._lock:
            self._runs += 1
            if self._runs == 1:
                self._before = first, *more = gc.get_threshold()
                gc.set_threshold(max(first, _MANY) if first else 0, *more)
        try:
            yield
        finally:
            with self._lock:
                self._runs -= 1
                if not self._runs:
                    gc.set_threshold(*self._before)


seldom_collected = _Collector().seldom
