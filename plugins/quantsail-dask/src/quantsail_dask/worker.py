"""The side of the workers: the study that each is given once, and the work on a piece."""

from __future__ import annotations

import pickle
import signal
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

from distributed import Worker, WorkerPlugin, get_worker

from quantsail_framework.search import payload
from quantsail_framework.search.crew import Job, Results

_ONE = threading.Lock()  # a worker with several threads works on one item at a time: trials are not made for threads


class Study(WorkerPlugin):
    """Function and shared values, as a plugin of the workers: Dask hands it to each, also to those that join later."""

    def __init__(self, parts: Sequence[pickle.PickleBuffer], file: Path | None) -> None:
        self.parts = parts
        self.file = file
        self.versions = payload.versions()
        self._work: Any = None

    @classmethod
    def packed(cls, work: Any, file: Path | None) -> Self:
        """With a ``file``, the study lies there, to be mapped; without, it holds the study."""
        if file is None:
            return cls([pickle.PickleBuffer(part) for part in payload.pack(work)], None)
        payload.save(file, work)
        return cls((), file)

    def setup(self, worker: Worker) -> None:
        """Nothing that can fail: a worker that joins late would not start, and nobody would learn why."""
        if self.file is not None:  # a worker of this machine, which Ctrl-C reaches as well: who started it ends it
            signal.signal(signal.SIGINT, signal.SIG_IGN)

    def open(self) -> Any:
        """The study, unpacked once. Raises RunError where this worker lacks something, or has it in other versions."""
        if self._work is None:
            payload.check_versions(self.versions)
            self._work = payload.unpack(self.parts) if self.file is None else payload.load(self.file)
        return self._work


def run(name: str, piece: Sequence[Job]) -> Results:
    """(index, result) of a piece of the study of that name; it ends early when the study is no longer there."""
    plugins = get_worker().plugins
    results: Results = []
    for index, item in piece:
        with _ONE:
            study = plugins.get(name)
            if not isinstance(study, Study):  # taken back
                break
            function, shared = study.open()
            results.append((index, function(item, shared)))
    return results
