"""``python -m tests.benchmarks.sweeps``: jobs J3 and J4, sweeps of the TREND job over the candles of J1.

Cold is a whole process from a fresh interpreter that leaves a run folder; its memory is that of all its processes
together, each shared page counted once (PSS), looked at while one more runs. Warm is the trials alone, repeated in one
process whose candles are loaded, with what the indicators remember forgotten each time. Memory is read from /proc, so
this runs on Linux. With ``--peers`` vectorbt takes turns with it.
"""

from __future__ import annotations

import argparse
import json
import math
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import attrs

from tests.benchmarks.jobs import job_named
from tests.benchmarks.market import CACHE
from tests.benchmarks.measure import ENGINE, Contestant, environment, printed
from tests.benchmarks.peers.environments import HERE, PEERS, interpreter

LOOK_S = 0.05  # between two looks at the memory
Run = tuple[int, str]  # number of processes, contestant

_WARM = """
import gc, json, sys, time
from quantsail_framework import load_pipeline
from quantsail_framework.ports.runner import Session
from quantsail_framework.search.journal import Journal, run_trials
from quantsail_framework.search.study import make_study
from quantsail_framework.config import build_runner
from quantsail_framework.plugins import load_registry
pipeline = load_pipeline(sys.argv[1], runner="sweep")
runner = build_runner(pipeline, load_registry(), "sweep")
trials = runner._space().grid()
study = make_study(pipeline, trials, runner.objective)
session, seconds = Session(wall_ns=time.time_ns, executor=pipeline.executor), []
for number in range(int(sys.argv[2]) + 1):
    for bars in study.data.bars.values():
        bars.memo.clear()
        vars(bars).pop("extremes", None)
    gc.collect()
    began = time.perf_counter()
    assert len(run_trials(study, trials, session, Journal(None))) == len(trials)
    if number:
        seconds.append(time.perf_counter() - began)
print(json.dumps({"warm_s": seconds}))
"""


@attrs.frozen
class Sweep:
    """One measured sweep: values by parameter, and its targets by number of processes (seconds, two cores), if any."""

    name: str
    parameters: dict[str, Sequence[float]]
    warm_s: dict[int, float | None]

    @property
    def sets(self) -> int:
        """Combinations that it tries."""
        return math.prod(map(len, self.parameters.values()))

    def pipeline(self, home: Path, workers: int, cache: Path = CACHE, bars: int | None = None) -> Path:
        """Its pipeline file, written into ``home``: that of J1 and two tables more."""
        job = job_named("J1")
        file = (job if bars is None else attrs.evolve(job, bars=bars)).pipeline(home, cache)
        values = "\n".join(f"strategy.{name} = {list(column)}" for name, column in self.parameters.items())
        more = f'\n[executor]\nuse = "local"\nworkers = {workers}\n\n[sweep.parameters]\n{values}\n'
        file.write_text(file.read_text(encoding="utf-8") + more, encoding="utf-8")
        return file


J3 = Sweep(
    "J3",
    {"adx_threshold": (20.0, 25.0, 30.0), "stop_atr": (1.5, 2.0, 2.5), "target_atr": (2.0, 3.0, 4.0)},
    {1: 0.15},
)
J4 = Sweep(
    "J4",
    {
        "adx_threshold": (15.0, 20.0, 25.0, 30.0),
        "stop_atr": tuple(1.0 + 0.25 * number for number in range(10)),
        "target_atr": tuple(1.5 + 0.5 * number for number in range(10)),
    },
    {1: 2.5, 2: 1.5},
)
LONG = attrs.evolve(  # long enough that starting processes does not count; only when it is named
    J4,
    name="J4x10",
    parameters={**J4.parameters, "adx_threshold": tuple(15.0 + 0.5 * number for number in range(40))},
    warm_s={1: None, 2: None},
)
MEMORY_MB = 300  # target of J4, all processes together


def measure(
    sweep: Sweep, rounds: int, *, peers: bool = False, cache: Path = CACHE, bars: int | None = None
) -> dict[Run, dict[str, float]]:
    """The median seconds, cold and warm, and the highest memory of all its processes together (MB).

    All take turns: contestants, and numbers of processes. Memory is looked at in a start that is not timed, for looking
    takes time from what it looks at.
    """
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch)
        contestants: dict[Run, Contestant] = {}
        for workers in sweep.warm_s:
            place = home / str(workers)
            place.mkdir()
            file = sweep.pipeline(place, workers, cache, bars)
            some = [_quantsail(file), _quantsail(file, ENGINE, "off")]
            some += [_vectorbt(sweep, workers, cache)] if peers else []
            contestants |= {(workers, each.name): each for each in some}
        colds: dict[Run, list[float]] = {run: [] for run in contestants}
        warms: dict[Run, list[float]] = {run: [] for run in contestants}
        for number in range(rounds + 1):
            for run, each in contestants.items():
                eager = attrs.evolve(each, switch=each.switch or "make")  # the first start compiles
                seconds = _cold(each if number else eager, home / f"{run}-{number}")
                if number:
                    colds[run].append(seconds)
                    warms[run] += printed(each.warm(1), eager)["warm_s"]
        return {
            run: {
                "cold_s": statistics.median(colds[run]),
                "warm_s": statistics.median(warms[run]),
                "peak_mb": _peak_mb(each, home / f"{run}-memory"),
            }
            for run, each in contestants.items()
        }


def _quantsail(file: Path, name: str = "quantsail", switch: str = "") -> Contestant:
    command = str(Path(sys.executable).parent / "quantsail")
    return Contestant(
        name,
        lambda out: [command, "sweep", str(file), "--quiet", "--out", str(out)],
        lambda rounds: [sys.executable, "-c", _WARM, str(file), str(rounds)],
        switch=switch,
    )


def _vectorbt(sweep: Sweep, workers: int, cache: Path) -> Contestant:
    """Always on all the candles of J1."""
    command = [str(interpreter(PEERS["vectorbt"])), str(HERE / "vectorbt_sweep.py")]
    command += ["--grid", json.dumps(sweep.parameters), "--processes", str(workers)]
    candles = [str(path) for path in job_named("J1").files(cache)]
    return Contestant(
        "vectorbt",
        lambda out: [*command, "--out", str(out), *candles],
        lambda rounds: [*command, "--warm", str(rounds), *candles],
        HERE,
    )


def _cold(contestant: Contestant, out: Path) -> float:
    """Seconds of one whole process."""
    began = time.perf_counter()
    with _started(contestant, out) as process:
        process.wait()
        return time.perf_counter() - began


def _peak_mb(contestant: Contestant, out: Path) -> float:
    """The highest memory of one whole process and those that it starts."""
    peak = 0.0
    with _started(contestant, out) as process:
        while process.poll() is None:
            peak = max(peak, sum(map(_memory_mb, _family(process.pid))))
            time.sleep(LOOK_S)
    return peak


@contextmanager
def _started(contestant: Contestant, out: Path) -> Iterator[subprocess.Popen[str]]:
    """Its whole process. Raises RuntimeError with what it says where it fails."""
    with subprocess.Popen(
        contestant.cold(out),
        cwd=contestant.folder,
        env=environment(contestant.switch),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        yield process
        if process.wait() and process.stderr is not None:
            raise RuntimeError(process.stderr.read())


def _family(pid: int) -> Iterator[int]:
    """A process and all that it started."""
    yield pid
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children = path.read_text().split()
        except OSError:  # it has ended
            continue
        for child in children:
            yield from _family(int(child))


def _memory_mb(pid: int) -> float:
    """Memory of a process, a page that it shares with others counted in part; 0 of one that has ended."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0.0
    found = re.search(r"^Pss:\s+(\d+)", text, re.MULTILINE)
    return int(found[1]) / 1024 if found else 0.0


def main() -> None:
    """Print the figures as JSON, a line for each contestant, and how many times a peer's seconds are ours."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.sweeps", description=__doc__)
    parser.add_argument(
        "jobs", nargs="*", metavar="JOB", help="J3, J4 or J4x10 (4,000 sets); J3 and J4 unless one is named"
    )
    parser.add_argument("--rounds", type=int, default=5, help="measured rounds (default 5)")
    parser.add_argument("--peers", action="store_true", help="also measure vectorbt")
    options = parser.parse_args()
    for sweep in (J3, J4, LONG):
        if sweep.name not in (options.jobs or ("J3", "J4")):
            continue
        found = measure(sweep, options.rounds, peers=options.peers)
        for (workers, name), figures in found.items():
            own, one = found[workers, "quantsail"], found[1, name]
            about = {"job": sweep.name, "sets": sweep.sets, "processes": workers, "target_s": sweep.warm_s[workers]}
            ratio = {f"/ quantsail, {state}": figures[f"{state}_s"] / own[f"{state}_s"] for state in ("cold", "warm")}
            pace = {"one process /, cold": one["cold_s"] / figures["cold_s"]}
            print(json.dumps(about | {"contestant": name} | figures | ratio | pace), flush=True)


if __name__ == "__main__":
    main()
