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
from typing import Any

_lock = threading.Lock()


@contextmanager
def _without_main() -> Iterator[None]:
    """What the main module says of where it came from is gone for as long: a process that starts is told nothing else
    of it. The module itself stays where it is, for other threads."""
    with _lock:
        main = vars(sys.modules["__main__"])
        said: dict[str, Any] = {name: main[name] for name in ("__file__", "__spec__") if name in main}
        main["__spec__"] = main["__file__"] = None
        try:
            yield
        finally:
            del main["__spec__"], main["__file__"]
            main.update(said)


class _Process(context.SpawnProcess):
    def start(self) -> None:
        with _without_main():
            super().start()


class _Context(context.SpawnContext):
    Process = _Process


SPAWN = _Context()
