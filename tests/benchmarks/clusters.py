"""``python -m tests.benchmarks.clusters``: what an executor costs and how it scales, on J4's candles.

Each executor and number of workers takes its turn in every round, and the median counts. ``start_s`` is until a
cluster of its own is there, ``item_ms`` what an item costs that takes no time itself, ``sweep_s`` the time of some sets
of J4 on the started cluster. ``study_mb`` is what each worker is given once. ``load`` is how many processes wanted to
run on the machine meanwhile, on average: far above the workers, the seconds say little about a machine of your own.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from quantsail_framework import load_pipeline
from quantsail_framework.config import build_runner
from quantsail_framework.plugins import load_registry
from quantsail_framework.ports.runner import Session
from quantsail_framework.search import payload
from quantsail_framework.search.journal import Journal, run_trials
from quantsail_framework.search.study import Study, make_study, run_trial
from tests.benchmarks.market import CACHE
from tests.benchmarks.sweeps import J4, Sweep

ITEMS = 2_000


def nothing(item: int, _shared: None) -> int:
    """The item."""
    return item


@contextmanager
def started(name: str, workers: int) -> Iterator[Any]:
    """An executor that is ready; `local` starts its processes anew in each map."""
    executor = load_registry().load("executor", name)(workers=workers)
    if not hasattr(executor, "started"):
        yield executor
        return
    with executor.started() as running:
        yield running


def study_of(sweep: Sweep, sets: int, cache: Path, bars: int | None) -> tuple[Study, list[Any]]:
    """The study of a sweep and so many of its trials, spread over all."""
    with tempfile.TemporaryDirectory() as scratch:
        pipeline = load_pipeline(sweep.pipeline(Path(scratch), 1, cache, bars), runner="sweep")
        runner: Any = build_runner(pipeline, load_registry(), "sweep")
        trials = runner._space().grid()
        chosen = trials[:: max(1, len(trials) // sets)][:sets]
        return make_study(pipeline, chosen, runner.objective), chosen


def once(name: str, workers: int, study: Study, trials: Sequence[Any]) -> dict[str, float]:
    """One turn of an executor."""
    began = time.perf_counter()
    with started(name, workers) as executor:
        start_s = time.perf_counter() - began
        list(executor.map(run_trial, trials[:workers], shared=study))  # each worker has imported everything
        began = time.perf_counter()
        assert len(list(executor.map(nothing, range(ITEMS), shared=None))) == ITEMS
        item_ms = (time.perf_counter() - began) / ITEMS * 1_000
        session = Session(wall_ns=time.time_ns, executor=executor)
        began = time.perf_counter()
        assert len(run_trials(study, trials, session, Journal(None))) == len(trials)
        return {"start_s": start_s, "item_ms": item_ms, "sweep_s": time.perf_counter() - began}


def measure(
    executors: Sequence[str], rounds: int, sets: int, cache: Path = CACHE, bars: int | None = None
) -> list[dict[str, Any]]:
    """Medians by executor and number of workers, 1 and 2."""
    study, trials = study_of(J4, sets, cache, bars)
    study_mb = sum(part.nbytes for part in payload.pack((run_trial, study))) / 1e6
    turns = [(name, workers) for name in executors for workers in (1, 2)]
    found = defaultdict(list)
    loads = defaultdict(list)
    for _ in range(rounds):
        for turn in turns:
            found[turn].append(once(*turn, study, trials))
            loads[turn].append(os.getloadavg()[0])
    medians = {
        turn: {key: statistics.median(each[key] for each in found[turn]) for key in found[turn][0]} for turn in turns
    }
    return [
        {"executor": name, "workers": workers, "sets": len(trials), "study_mb": study_mb}
        | medians[name, workers]
        | {"load": statistics.median(loads[name, workers])}
        for name, workers in turns
    ]


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.clusters", description=__doc__)
    parser.add_argument("executors", nargs="*", default=["local", "dask"], help="default: local dask")
    parser.add_argument("--rounds", type=int, default=3, help="measured rounds (default 3)")
    parser.add_argument("--sets", type=int, default=100, help="sets of J4 (default 100)")
    chosen = parser.parse_args()
    for line in measure(chosen.executors, chosen.rounds, chosen.sets):
        print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
