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

from tests.benchmarks.jobs import Job
from tests.benchmarks.market import CACHE
from tests.benchmarks.peers.environments import PEERS, interpreter

ROOT = Path(__file__).parents[2]


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


def quantsail(file: Path) -> Contestant:
    """Quantsail itself, started as its users start it."""
    command = str(Path(sys.executable).parent / "quantsail")
    return Contestant(
        "quantsail",
        lambda out: [command, "run", str(file), "--out", str(out)],
        lambda rounds: [sys.executable, "-m", "tests.benchmarks.warm", str(file), str(rounds)],
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


def measure(job: Job, rounds: int, *, peers: bool, cache: Path = CACHE) -> dict[str, Timing]:
    """Median timings by contestant. Each starts once unmeasured, so that bytecode and compiled code are cached."""
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch)
        contestants = [quantsail(job.pipeline(home, cache))]
        contestants += [peer(name, job.files(cache)) for name in job.peers] if peers else []
        cold: dict[str, list[float]] = {contestant.name: [] for contestant in contestants}
        for number in range(rounds + 1):
            for contestant in contestants:
                seconds = cold_s(contestant, home / f"{contestant.name}-{number}")
                if number:
                    cold[contestant.name].append(seconds)
        warm = {contestant.name: _warm(contestant, rounds) for contestant in contestants}
    return {name: Timing(statistics.median(cold[name]), warm[name]) for name in cold}


def cold_s(contestant: Contestant, out: Path) -> float:
    """Seconds of a whole process that writes into ``out``."""
    began = time.perf_counter()
    _output(contestant.cold(out), contestant.folder)
    return time.perf_counter() - began


def _warm(contestant: Contestant, rounds: int) -> float:
    return statistics.median(printed(contestant.warm(max(rounds, 5)), contestant.folder)["warm_s"])


def printed(command: list[str], folder: Path) -> Any:
    """The JSON of the last line that a process prints."""
    return json.loads(_output(command, folder).splitlines()[-1])


def environment() -> dict[str, str]:
    """Bytecode is cached where a user's would be; what the surroundings say of pipelines must not reach the job."""
    keep = {name: value for name, value in os.environ.items() if not name.startswith("QUANTSAIL_")}
    keep.pop("PYTHONDONTWRITEBYTECODE", None)
    return keep


def _output(command: list[str], folder: Path) -> str:
    done = subprocess.run(command, cwd=folder, env=environment(), capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}\nended with exit code {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout
