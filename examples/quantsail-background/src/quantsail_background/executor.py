"""The items of a job in processes that let others go first: the executor `background`."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from multiprocessing.connection import Pipe, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any

import attrs
from attrs.validators import ge, instance_of
from quantsail_framework.errors import RunError
from quantsail_framework.search import payload


@attrs.frozen
class BackgroundExecutor:
    """Runs items in processes of low priority, which get the time that other programs leave. Not for Windows."""

    workers: int = attrs.field(default=2, validator=[instance_of(int), ge(1)], metadata={"doc": "Processes at once."})

    def map(
        self, function: Callable[[Any, Any], Any], items: Sequence[Any], *, shared: Any
    ) -> Iterator[tuple[int, Any]]:
        """(index, ``function(item, shared)``) as they finish; closing the iterator ends the processes."""
        jobs = [(index, item, False) for index, item in enumerate(items)]
        with tempfile.TemporaryDirectory(prefix="quantsail-") as folder, ExitStack() as crew:
            payload.save(study := Path(folder, "study"), (function, shared))
            idle = [_start(study, crew) for _ in range(min(self.workers, len(jobs)))]
            busy: dict[Any, tuple[int, Any, bool]] = {}
            while jobs or busy:
                while jobs and idle:
                    line = idle.pop()
                    busy[line] = jobs.pop(0)
                    with suppress(OSError):  # a process that has died meanwhile, which shows below
                        line.send(busy[line][1])
                ready: Any = wait(list(busy))[0]
                index, item, was_lost = busy.pop(ready)
                try:
                    result, error = ready.recv()
                except (EOFError, OSError):
                    if was_lost:
                        raise RunError(f"item {item!r} ended its process twice; too little memory?") from None
                    jobs, idle = [*jobs, (index, item, True)], [*idle, _start(study, crew)]
                    continue
                if error is not None:
                    raise error
                idle.append(ready)
                yield index, result


def _start(study: Path, crew: ExitStack) -> Any:
    """A new process, as the line to it; it ends with the crew."""
    line, end = Pipe()
    with end:  # closed here, else nobody would hear that the process is gone
        process = SpawnProcess(target=_work, args=(end, study), daemon=True)
        process.start()
    crew.callback(process.join)
    crew.callback(process.terminate)
    return line


def _work(line: Any, study: Path) -> None:
    """Answer each item with (result, error), until nobody asks any more."""
    os.nice(10)  # as the command nice does
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all: the process that started this one ends it
    function, shared = payload.load(study)
    with suppress(EOFError, OSError):
        while True:
            item = line.recv()
            try:
                line.send((function(item, shared), None))
            except Exception as error:  # noqa: BLE001 - it is raised where the work came from
                try:
                    line.send((None, error))
                except Exception:  # noqa: BLE001 - it does not travel, so its words must do
                    line.send((None, RunError(f"{type(error).__name__}: {error}")))
