"""``python -m tests.benchmarks.monte_carlo``: job J6, 10,000 shuffles and 10,000 bootstraps of 1,000 trades.

As the runner makes them: total return, drawdown and ruin of every draw, and the quantiles of the fan.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time

import numpy as np

TRADES, DRAWS = 1_000, 10_000
TARGET_S = 0.5  # two cores


def returns(trades: int = TRADES) -> np.ndarray:
    """Seeded returns of trades: half of a percent won or lost, somewhat more often won."""
    random = np.random.default_rng(6)
    return np.where(random.random(trades) < 0.52, 0.005, -0.005) * random.uniform(0.5, 1.5, trades)


def measure(rounds: int, trades: int = TRADES, draws: int = DRAWS) -> dict[str, dict[str, float]]:
    """Median seconds of each test, on the clock (``s``) and of this process's own time (``cpu_s``)."""
    from quantsail_monte_carlo.paths import block_bootstrapped, bootstrapped, shuffled

    made = returns(trades)
    seen: dict[str, list[tuple[float, float]]] = {}
    for number in range(rounds + 1):
        for kind in (shuffled, bootstrapped, block_bootstrapped):
            began, own = time.perf_counter(), time.process_time()
            kind(made, draws, np.random.default_rng(number))
            took = time.perf_counter() - began, time.process_time() - own
            if number:  # the first round warms up
                seen.setdefault(kind.__name__, []).append(took)
    return {
        name: {"s": statistics.median(s for s, _ in runs), "cpu_s": statistics.median(own for _, own in runs)}
        for name, runs in seen.items()
    }


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.monte_carlo", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="measured rounds (default 5)")
    found = measure(parser.parse_args().rounds)
    job = {figure: found["shuffled"][figure] + found["bootstrapped"][figure] for figure in ("s", "cpu_s")}
    print(json.dumps({**found, "J6": job, "target_s": TARGET_S}, indent=1))


if __name__ == "__main__":
    main()
