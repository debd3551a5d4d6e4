"""Job J6 by the runner's own functions: ``python -m tests.benchmarks.own_draws --draws N --warm K FILE``."""

from __future__ import annotations

import sys

import numpy as np

from quantsail_monte_carlo.compiled import Machine, machine_for
from quantsail_monte_carlo.paths import block_bootstrapped, bootstrapped, shuffled
from tests.benchmarks.peers import drawing


def _machine(returns: np.ndarray, draws: int) -> Machine | None:
    return machine_for(len(returns), draws, lambda text: print(text, file=sys.stderr))


if __name__ == "__main__":
    drawing.main(
        shuffle=lambda returns, draws: shuffled(
            returns, draws, np.random.default_rng(1), machine=_machine(returns, draws)
        ),
        bootstrap=lambda returns, draws: bootstrapped(
            returns, draws, np.random.default_rng(2), machine=_machine(returns, draws)
        ),
        block_bootstrap=lambda returns, draws: block_bootstrapped(returns, draws, np.random.default_rng(3)),
    )
