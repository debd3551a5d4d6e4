"""How the engine makes the values that it makes most of."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

# Makes a named tuple without the Python-level call of its constructor; for what is made per signal or trade.
new = tuple.__new__

_MANY = 50_000  # new containers between two looks for garbage; Python's own 700 take a tenth of a run's time


@contextmanager
def seldom_collected() -> Iterator[None]:
    """Inside, garbage that refers to itself is looked for less often: values of a run are many and make none."""
    first, *more = gc.get_threshold()
    gc.set_threshold(max(first, _MANY) if first else 0, *more)
    try:
        yield
    finally:
        gc.set_threshold(first, *more)
