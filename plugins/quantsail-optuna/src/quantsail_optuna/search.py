"""Asking Optuna for trials in batches and telling it what came of them, so that a stopped search goes on the same.

What a trial is given depends on the seed, on its number and on the trials of earlier batches alone: its sampler is made
anew for each parameter, and a batch is told, in its order, only when all of it has run. So neither the number of
processes nor a stop in the middle changes any value.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import attrs
import numpy as np
import optuna
from filelock import FileLock, Timeout
from optuna.storages import InMemoryStorage, JournalStorage
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock
from optuna.trial import FrozenTrial, TrialState

from quantsail_framework.engine import MarketData
from quantsail_framework.errors import RunError
from quantsail_framework.ports.runner import Session
from quantsail_framework.search.journal import Journal, run_trials
from quantsail_framework.search.space import Dimension, Space, Values
from quantsail_framework.search.study import Study, Trial

_NAME = "quantsail"
_PRUNED = "pruned"  # the attribute of a trial that was given up: why
_TRIES = 100  # suggestions per trial that may break a constraint


class Search:
    """One search: the study of Optuna, kept in a file beside the trials where the session keeps anything.

    A context manager: inside, no other process runs the same search. Raises RunError when one does.
    """

    def __init__(self, space: Space, study: Study, session: Session, count: int, batch: int, windows: int) -> None:
        self.study = study
        self._space, self._session, self._count, self._batch = space, session, count, batch
        self._journal = Journal.of(study, session)
        self._seed = study.pipeline.seed
        self._windows = [attrs.evolve(study, data=data) for data in _windows(study.data, windows)]
        self._journals = [Journal.of(window, session) for window in self._windows]
        self._file = self._storage_file(windows)
        self._lock = None if self._file is None else FileLock(self._file.with_suffix(".lock"), timeout=0)

    def __enter__(self) -> Self:
        if self._lock is not None:
            Path(self._lock.lock_file).parent.mkdir(parents=True, exist_ok=True)
            try:
                self._lock.acquire()
            except Timeout as taken:
                raise RunError("the same search runs at this moment, in another process; wait for it") from taken
        return self

    def __exit__(self, *_error: object) -> None:
        if self._lock is not None:
            self._lock.release()

    def run(self) -> tuple[list[Trial], list[int]]:
        """Every trial in the order in which they were chosen, and the rows of those that no other beats."""
        with _quiet():
            asked = self._open()
            while (finished := self._finished(asked)) < self._count:
                start = finished // self._batch * self._batch
                size = min(self._batch, self._count - start)
                asked += self._ask(size - len(asked[start:]))
                self._try(asked[start : start + size], start)
            trials = self._collected(asked)
            front = {frozen.number for frozen in self._optuna.best_trials}
        rows = [row for row, trial in enumerate(asked) if trial.number in front]
        return trials, [row for row in rows if trials[row].score is not None]

    def forget(self) -> None:
        """The result is told: nothing needs to go on any more."""
        if self._file is not None:
            self._file.unlink(missing_ok=True)
            self._file.with_suffix(".lock").unlink(missing_ok=True)
        for journal in (*self._journals, self._journal):
            journal.forget()

    # -- asking ------------------------------------------------------------------------------------

    def _open(self) -> list[optuna.Trial]:
        """The study, with the trials that a stopped search had asked for."""
        self._optuna = optuna.create_study(
            storage=self._storage(),
            study_name=_NAME,
            load_if_exists=True,
            directions=["maximize"] * (1 + len(self.study.more)),
            pruner=optuna.pruners.MedianPruner(),
        )
        known = [optuna.Trial(self._optuna, frozen._trial_id) for frozen in self._frozen()]
        return [trial for trial in known if self._allowed(trial)]

    def _ask(self, count: int) -> list[optuna.Trial]:
        """More trials that keep the constraints. Those that do not are told as such, and are none."""
        found: list[optuna.Trial] = []
        for _ in range(_TRIES * max(count, 0)):
            if len(found) == count:
                break
            trial = self._optuna.ask()
            if self._allowed(trial):
                found.append(trial)
        if len(found) < max(count, 0):
            text = ", ".join(constraint.text for constraint in self._space.constraints)
            raise RunError(f"hardly any combination keeps the constraints {text}; narrow the parameters instead")
        return found

    def _allowed(self, trial: optuna.Trial) -> bool:
        allowed = self._space.allows(self._values(trial))
        if not allowed and self._state(trial) == TrialState.RUNNING:
            self._optuna.tell(trial, state=TrialState.PRUNED)
        return allowed

    def _values(self, trial: optuna.Trial) -> Values:
        """What the trial is to try; each parameter that has no value yet is given one."""
        values = {}
        for number, dimension in enumerate(self._space.dimensions):
            seed = np.random.SeedSequence([self._seed, trial.number, number]).generate_state(1)[0]
            self._optuna.sampler = optuna.samplers.TPESampler(seed=int(seed), multivariate=False, constant_liar=True)
            values[dimension.path] = _suggested(trial, dimension)
        return values

    # -- trying ------------------------------------------------------------------------------------

    def _try(self, batch: Sequence[optuna.Trial], start: int) -> None:
        """Run a batch, window by window, and tell in order what came of it."""
        parts = len(self._windows) + 1
        left = list(batch)
        for step, (window, journal) in enumerate(zip(self._windows, self._journals, strict=True), 1):
            trials = self._run(window, journal, left, start, (step - 1) / parts, 1 / parts)
            for trial, outcome in zip(left, trials, strict=True):
                self._report(trial, step, outcome.score)
            left = [trial for trial in left if not self._given_up(trial, step)]
        trials = self._run(self.study, self._journal, left, start, (parts - 1) / parts, 1 / parts)
        outcomes = {trial.number: outcome for trial, outcome in zip(left, trials, strict=True)}
        for trial in batch:
            if self._state(trial) == TrialState.RUNNING:
                self._tell(trial, outcomes.get(trial.number))

    def _run(
        self, study: Study, journal: Journal, left: Sequence[optuna.Trial], start: int, done: float, share: float
    ) -> list[Trial]:
        size = min(self._batch, self._count - start)
        first, width = (start + size * done) / self._count, size * share / self._count
        session = attrs.evolve(
            self._session,
            progress=lambda fraction, text: self._session.progress(min(1.0, first + width * fraction), text),
        )

        def told(finished: int, _total: int) -> str:
            return f"{start + (finished if study is self.study else 0)} of {self._count} trials"

        return run_trials(study, [self._values(trial) for trial in left], session, journal, told=told)

    def _report(self, trial: optuna.Trial, step: int, score: float | None) -> None:
        known = self._frozen()[trial.number]
        if score is not None and known.state == TrialState.RUNNING and step not in known.intermediate_values:
            trial.report(score, step)

    def _given_up(self, trial: optuna.Trial, step: int) -> bool:
        known = self._frozen()[trial.number]
        if known.state != TrialState.RUNNING or _PRUNED in known.user_attrs:
            return _PRUNED in known.user_attrs
        if not trial.should_prune():
            return False
        score = known.intermediate_values[step]
        told = f"its score {score:.6g} after {step} of {len(self._windows) + 1} windows is below the median"
        trial.set_user_attr(_PRUNED, told)
        return True

    def _tell(self, trial: optuna.Trial, outcome: Trial | None) -> None:
        scores = () if outcome is None else (outcome.score, *outcome.more)
        known = [score for score in scores if score is not None]
        if known and len(known) == len(self._optuna.directions):
            self._optuna.tell(trial, known)
        else:  # of no score Optuna learns to look elsewhere
            self._optuna.tell(trial, state=TrialState.PRUNED)

    def _collected(self, asked: Sequence[optuna.Trial]) -> list[Trial]:
        """What came of every trial; all of them have run and are in the journal."""
        frozen = self._frozen()
        why = {trial.number: frozen[trial.number].user_attrs.get(_PRUNED, "") for trial in asked}
        whole = [self._values(trial) for trial in asked if not why[trial.number]]
        quiet = attrs.evolve(self._session, progress=lambda _fraction, _text: None)
        outcomes = iter(run_trials(self.study, whole, quiet, self._journal))
        return [
            Trial(self._values(trial), "pruned", why[trial.number]) if why[trial.number] else next(outcomes)
            for trial in asked
        ]

    # -- the study ---------------------------------------------------------------------------------

    def _frozen(self) -> list[FrozenTrial]:
        return self._optuna.get_trials(deepcopy=False)

    def _state(self, trial: optuna.Trial) -> TrialState:
        return self._frozen()[trial.number].state

    def _finished(self, asked: Sequence[optuna.Trial]) -> int:
        frozen = self._frozen()
        return sum(frozen[trial.number].state.is_finished() for trial in asked)

    def _storage_file(self, windows: int) -> Path | None:
        if self._journal.path is None:
            return None
        about = repr((self._space, self._count, self._batch, windows, self._seed, self._journal.path.name))
        return self._journal.path.with_name(f"{hashlib.sha256(about.encode()).hexdigest()[:20]}.optuna")

    def _storage(self) -> Any:
        if self._file is None:
            return InMemoryStorage()
        _clean(self._file)
        return JournalStorage(JournalFileBackend(str(self._file), JournalFileOpenLock(str(self._file))))


def _suggested(trial: optuna.Trial, dimension: Dimension) -> Any:
    """A value of the parameter: of numbers that rise Optuna knows the order, of other values only the names."""
    path, values = dimension.path, dimension.values
    if dimension.low is not None and dimension.high is not None:
        if dimension.whole:
            return trial.suggest_int(path, int(dimension.low), int(dimension.high), log=dimension.log)
        return trial.suggest_float(path, dimension.low, dimension.high, log=dimension.log)
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
    if numbers and list(values) == sorted(values):
        return values[trial.suggest_int(path, 0, len(values) - 1)]
    return values[trial.suggest_categorical(path, list(range(len(values))))]


def _windows(data: MarketData, count: int) -> list[MarketData]:
    """The candles up to the end of the first, second, ... of ``count`` equal parts of time; the last is the whole.

    A part in which a symbol has no candles yet is left out.
    """
    end = max(int(bars.time[-1]) for bars in data.bars.values()) + data.timeframe.ns
    cut = []
    for number in range(1, count):
        until = data.start_ns + (end - data.start_ns) * number // count
        sizes = {symbol: int(bars.time.searchsorted(until)) for symbol, bars in data.bars.items()}
        if all(size > int(data.bars[symbol].time.searchsorted(data.start_ns)) for symbol, size in sizes.items()):
            cut.append(attrs.evolve(data, bars={name: bars.slice(0, sizes[name]) for name, bars in data.bars.items()}))
    return cut


def _clean(file: Path) -> None:
    """Remove what a process left that died while it was writing: Optuna's own lock, and half a line."""
    Path(f"{file}.lock").unlink(missing_ok=True)
    if file.exists():
        content = file.read_bytes()
        file.write_bytes(content[: content.rfind(b"\n") + 1])


@contextmanager
def _quiet() -> Iterator[None]:
    """Optuna tells of every trial unless it is asked not to."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(before)
