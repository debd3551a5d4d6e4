"""Trials kept as they finish: one line of JSON each, so that a search that was stopped goes on where it was."""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Self, get_origin

import attrs
import numpy as np

import quantsail_framework
from quantsail_framework.backtest import get_ready
from quantsail_framework.config.plain import plain
from quantsail_framework.ports.executor import Executor
from quantsail_framework.ports.runner import Session
from quantsail_framework.search.interrupt import interrupts_noticed
from quantsail_framework.search.study import Study, Trial, run_trial

if TYPE_CHECKING:
    from cattrs import Converter

FOLDER = ".trials"  # beside the run folders


_SORTED = json.JSONEncoder(sort_keys=True)


class Journal:
    """The finished trials of one study, by their values, in a file that lines are added to.

    The file's name is made of everything that the trials depend on; ``path`` of None keeps nothing. A line that a
    crash cut off is passed over. What is added keeps the file open until the context ends.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self._file: BinaryIO | None = None
        self._known: dict[str, Trial] = {}
        if path is not None and path.exists():
            self._known = dict(_read(path))

    @classmethod
    def of(cls, study: Study, session: Session) -> Journal:
        """The journal of a study, beside the run folder of the session."""
        if session.folder is None:
            return cls(None)
        return cls(session.folder.parent / FOLDER / f"{study_digest(study)}.jsonl")

    def find(self, values: Mapping[str, Any]) -> Trial | None:
        """The finished trial of these values; None when there is none yet."""
        known = self._known.get(_key(values))
        return known and attrs.evolve(known, values=dict(values))  # a date is one again, not its text

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._close()

    def add(self, trial: Trial) -> None:
        """Keep a trial: a process that dies right after does not lose it."""
        self._known[_key(trial.values)] = trial
        if self.path is None:
            return
        if self._file is None or not os.fstat(self._file.fileno()).st_nlink:  # another has ended the same search
            self._close()
            self._file = _opened(self.path)
        self._file.write(_line(trial))
        self._file.flush()

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def forget(self) -> None:
        """The search is over and its result is kept elsewhere."""
        if self.path is not None:
            with suppress(OSError):  # another runs the same search, or has one there
                self.path.unlink(missing_ok=True)
                self.path.parent.rmdir()


def run_trials(
    study: Study,
    trials: Sequence[Mapping[str, Any]],
    session: Session,
    journal: Journal,
    *,
    told: Callable[[int, int], str] = "{} of {} trials".format,
) -> list[Trial]:
    """Every trial, in their order: those in the journal as they are, the others by the session's executor.

    Each is in the journal before the next is waited for. ``told`` words the progress. Raises KeyboardInterrupt when
    the user asked to stop.
    """
    found = [journal.find(values) for values in trials]
    left = [index for index, trial in enumerate(found) if trial is None]
    done = len(trials) - len(left)
    session.progress(done / max(1, len(trials)), told(done, len(trials)))
    _get_ready(study, len(left), session, done / max(1, len(trials)))
    executor: Executor = session.executor or _here()
    running = executor.map(run_trial, [trials[index] for index in left], shared=study)
    try:
        with journal, interrupts_noticed() as interrupted:
            for number, trial in running if left else ():
                journal.add(trial)
                found[left[number]] = trial
                done += 1
                session.progress(done / len(trials), told(done, len(trials)))
                if session.cancelled() or interrupted():
                    raise KeyboardInterrupt
    except KeyboardInterrupt as stop:
        if journal.path is not None:
            stop.add_note(f"{told(done, len(trials))} are kept: the same command goes on from there")
        raise
    finally:
        close = getattr(running, "close", None)
        if close:
            close()
    return [trial for trial in found if trial is not None]


def _get_ready(study: Study, trials: int, session: Session, done: float) -> None:
    """What makes many trials faster. The pipeline is looked at as it stands, which need not work: its trials differ."""
    if trials > 1:
        with suppress(Exception):
            get_ready(study.pipeline, study.data, trials, lambda text: session.progress(done, text))


def study_digest(study: Study) -> str:
    """SHA-256 (20 hex digits) of all that a trial's outcome depends on beside its values."""
    pipeline = study.pipeline
    tables = {name: pipeline.resolved.get(name) for name in ("pipeline", "data", "strategy", "costs", "sizer", "risk")}
    others = {key: bars for own in study.data.bars.values() for key, bars in own.others.items()}
    content = {
        "study": f"{type(study).__module__}:{type(study).__qualname__}",
        "tables": tables,
        "code": dict(pipeline.code),
        "candles": {symbol: bars.content_hash for symbol, bars in study.data.bars.items()},
        "informative": {"@".join(key): bars.content_hash for key, bars in others.items()},
        "objective": repr((study.objective, *study.more)),
        "both_touched": study.both_touched,
        "version": quantsail_framework.__version__,
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()[:20]


def _here() -> Executor:
    from quantsail_framework.search.executors import SerialExecutor

    return SerialExecutor()


def _key(values: Mapping[str, Any]) -> str:
    return _SORTED.encode(plain(values))


def _line(trial: Trial) -> bytes:
    told = {**_converter().unstructure(trial), "values": plain(trial.values)}
    returns = told.pop("returns")  # put in as it is: to look for what must be escaped would take as long as all else
    return f'{json.dumps(told)[:-1]}, "returns": "{returns}"}}\n'.encode()


@cache
def _converter() -> Converter:
    """Trials as JSON knows them, and back."""
    from cattrs import Converter

    converter = Converter(forbid_extra_keys=True)
    converter.register_structure_hook(float, lambda number, _: number)  # a count stays one
    converter.register_unstructure_hook_func(
        _is_array, lambda values: base64.b64encode(values.astype("<f8").tobytes()).decode()
    )
    converter.register_structure_hook_func(
        _is_array, lambda text, _: np.frombuffer(base64.b64decode(text), "<f8").astype(np.float64)
    )
    return converter


def _is_array(annotation: Any) -> bool:
    return get_origin(annotation) is np.ndarray


def _opened(path: Path) -> BinaryIO:
    """The file to be added to, whose last line a crash may have cut off."""
    path.parent.mkdir(parents=True, exist_ok=True)
    file = path.open("ab+")
    if file.seek(0, os.SEEK_END):
        file.seek(-1, os.SEEK_END)
        if file.read(1) != b"\n":
            file.write(b"\n")
    return file


def _read(path: Path) -> Iterator[tuple[str, Trial]]:
    for line in path.read_text("utf-8").splitlines():
        try:
            trial = _converter().structure(json.loads(line), Trial)
        except Exception:  # noqa: BLE001, S112 - cut off by a crash: it runs again
            continue
        yield _key(trial.values), trial
