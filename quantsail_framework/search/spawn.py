"""Processes of this machine that do not run the script again which started them.

Python lets each spawned process import the main module of its parent, in case that it is needed there; a script that
does its work without ``if __name__ == "__main__":`` would begin it anew in each. What a worker here needs travels by
value, see ``payload``.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import context
from types import ModuleType

_lock = threading.Lock()


@contextmanager
def _without_main() -> Iterator[None]:
    with _lock:
        main = sys.modules["__main__"]
        sys.modules["__main__"] = ModuleType("__main__")
        try:
            yield
        finally:
            sys.modules["__main__"] = main


class _Process(context.SpawnProcess):
    def start(self) -> None:
        with _without_main():
            super().start()


class _Context(context.SpawnContext):
    Process = _Process


SPAWN = _Context()
