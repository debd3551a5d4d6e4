"""``python -m tests.benchmarks.monte_carlo``: job J6, 10,000 shuffles and 10,000 bootstraps of 1,000 trades.

As the runner makes them, with and without its machine code: total return, drawdown and ruin of every draw, and the
quantiles of the fan. With ``--peers`` plain NumPy takes turns with it (total return and drawdown), and pybroker
(bootstraps alone, drawdown).
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import attrs
import numpy as np

from tests.benchmarks.measure import ROOT, Contestant, cold_s, printed
from tests.benchmarks.peers.environments import HERE, PEERS, interpreter

TRADES, DRAWS = 1_000, 10_000
OWN = "quantsail"
PLAIN = "quantsail without fast"
TARGETS_S = {OWN: 0.15, PLAIN: 0.5}  # two cores
_PEERS = {"numpy": "numpy_draws.py", "pybroker": "pybroker_draws.py"}


def returns(trades: int = TRADES) -> np.ndarray:
    """Seeded returns of trades: half of a percent won or lost, somewhat more often won."""
    random = np.random.default_rng(6)
    return np.where(random.random(trades) < 0.52, 0.005, -0.005) * random.uniform(0.5, 1.5, trades)


def measure(
    rounds: int, *, peers: bool = False, trades: int = TRADES, draws: int = DRAWS
) -> dict[str, dict[str, float]]:
    """By contestant the median seconds of a whole process, and of each test inside one that has made it before.

    ``<test>_s`` is on the clock, ``<test>_cpu_s`` of the process's own time. Contestants take turns.
    """
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch, "returns.npy")
        np.save(file, returns(trades))
        contestants = list(_contestants(file, draws, peers=peers))
        colds: dict[str, list[float]] = {each.name: [] for each in contestants}
        warms: dict[str, list[dict[str, list[list[float]]]]] = {each.name: [] for each in contestants}
        for number in range(rounds + 1):
            for each in contestants:
                eager = each if number else attrs.evolve(each, switch=each.switch or "make")
                cold, warm = cold_s(eager, Path(scratch)), printed(each.warm(1), each)["warm_s"]
                if number:  # the first start compiles
                    colds[each.name].append(cold)
                    warms[each.name].append(warm)
    return {name: {"cold_s": statistics.median(colds[name])} | _medians(warms[name]) for name in colds}


def _contestants(file: Path, draws: int, *, peers: bool) -> list[Contestant]:
    own = [sys.executable, "-m", "tests.benchmarks.own_draws"]
    starts = {OWN: (own, ROOT, ""), PLAIN: (own, ROOT, "off")}
    for name, script in _PEERS.items() if peers else ():
        starts[name] = ([str(interpreter(PEERS[name])), str(HERE / script)], HERE, "")

    def started(name: str, command: list[str], folder: Path, switch: str) -> Contestant:
        job = [*command, "--draws", str(draws), str(file)]
        return Contestant(name, lambda _: job, lambda times: [*job, "--warm", str(times)], folder, switch)

    return [started(name, *start) for name, start in starts.items()]


def _medians(rounds: list[dict[str, list[list[float]]]]) -> dict[str, float]:
    medians = {}
    for test in rounds[0]:
        clock, own = np.median(np.concatenate([found[test] for found in rounds]), axis=0).tolist()
        medians |= {f"{test}_s": clock, f"{test}_cpu_s": own}
    return medians


def ratios(found: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """Seconds of each other / ours, of the tests that it has, in a process that has made them before."""
    own = found[OWN]
    return {
        name: sum(figures[test] for test in tests) / sum(own[test] for test in tests)
        for name, figures in found.items()
        if name != OWN
        for tests in [[test for test in ("shuffle_s", "bootstrap_s") if test in figures]]
    }


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.monte_carlo", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="measured rounds (default 5)")
    parser.add_argument("--peers", action="store_true", help="also measure NumPy and pybroker")
    options = parser.parse_args()
    found = measure(options.rounds, peers=options.peers)
    job_s = {name: found[name]["shuffle_s"] + found[name]["bootstrap_s"] for name in TARGETS_S}
    print(json.dumps({**found, "J6_s": job_s, "target_s": TARGETS_S, "other / quantsail": ratios(found)}, indent=1))


if __name__ == "__main__":
    main()
