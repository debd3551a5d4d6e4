"""Measures jobs: cold as whole processes, contestants taking turns, and warm inside one process."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import attrs

from quantsail_framework.compiled.choice import SWITCH
from tests.benchmarks.jobs import Job
from tests.benchmarks.market import CACHE
from tests.benchmarks.peers.environments import PEERS, interpreter

ROOT = Path(__file__).parents[2]
ENGINE = "the engine alone"  # the contestant without the compiled loop


@attrs.frozen
class Timing:
    """Median seconds of one contestant at one job."""

    cold_s: float
    warm_s: float


@attrs.frozen
class Contestant:
    """How to start a job: cold with an output folder that does not exist yet, warm with a number of runs."""

    name: str
    cold: Callable[[Path], list[str]]
    warm: Callable[[int], list[str]]
    folder: Path = ROOT
    switch: str = ""  # of the compiled loop, in measured starts


def quantsail(file: Path, python: Path, name: str = "quantsail", switch: str = "") -> Contestant:
    """Quantsail itself, started as its users start it: cold with the command beside ``python``."""
    command = str(python.parent / "quantsail")
    return Contestant(
        name,
        lambda out: [command, "run", str(file), "--out", str(out)],
        lambda rounds: [sys.executable, "-m", "tests.benchmarks.warm", str(file), str(rounds)],
        switch=switch,
    )


def peer(name: str, files: Sequence[Path]) -> Contestant:
    """Another backtester in its own environment."""
    chosen = PEERS[name]
    start = [str(interpreter(chosen)), str(chosen.script)]
    candles = [str(path) for path in files]
    return Contestant(
        name,
        lambda out: [*start, "--out", str(out), *candles],
        lambda rounds: [*start, "--warm", str(rounds), *candles],
        chosen.script.parent,
    )


def measure(
    job: Job, rounds: int, *, peers: bool, cache: Path = CACHE, python: Path = Path(sys.executable)
) -> dict[str, Timing]:
    """Median timings by contestant: Quantsail, the same without its compiled loop, and the peers.

    Each starts once unmeasured, so that bytecode and compiled code are cached.
    """
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch)
        file = job.pipeline(home, cache)
        contestants = [quantsail(file, python), quantsail(file, python, ENGINE, "off")]
        contestants += [peer(name, job.files(cache)) for name in job.peers] if peers else []
        cold: dict[str, list[float]] = {contestant.name: [] for contestant in contestants}
        for number in range(rounds + 1):
            for contestant in contestants:
                first = attrs.evolve(contestant, switch=contestant.switch or "make")
                seconds = cold_s(contestant if number else first, home / f"{contestant.name}-{number}")
                if number:
                    cold[contestant.name].append(seconds)
        warm = {contestant.name: _warm(contestant, rounds) for contestant in contestants}
    return {name: Timing(statistics.median(cold[name]), warm[name]) for name in cold}


def cold_s(contestant: Contestant, out: Path) -> float:
    """Seconds of a whole process that writes into ``out``."""
    began = time.perf_counter()
    _output(contestant.cold(out), contestant)
    return time.perf_counter() - began


def _warm(contestant: Contestant, rounds: int) -> float:
    contestant = attrs.evolve(contestant, switch=contestant.switch or "make")  # from the first run on
    return statistics.median(printed(contestant.warm(max(rounds, 5)), contestant)["warm_s"])


def printed(command: list[str], contestant: Contestant) -> Any:
    """The JSON of the last line that a process prints."""
    return json.loads(_output(command, contestant).splitlines()[-1])


def environment(switch: str = "") -> dict[str, str]:
    """Bytecode is cached where a user's would be; what the surroundings say of pipelines must not reach the job.

    ``switch``: that of the compiled loop.
    """
    keep = {name: value for name, value in os.environ.items() if not name.startswith("QUANTSAIL_")}
    keep.pop("PYTHONDONTWRITEBYTECODE", None)
    return keep | ({SWITCH: switch} if switch else {})


def _output(command: list[str], contestant: Contestant) -> str:
    surroundings = {"cwd": contestant.folder, "env": environment(contestant.switch)}
    done = subprocess.run(command, **surroundings, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}\nended with exit code {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout
