"""What the scripts of job J6 share: the trades' returns, timing, the line they print. Needs NumPy alone."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

Test = Callable[[np.ndarray, int], object]


def main(**tests: Test) -> None:
    """Make ``--draws`` draws of the returns in a file with each of the ``tests``.

    Prints one line of JSON: by test the [clock, processor] seconds of ``--warm`` repetitions after the first, cold one.
    """
    parser = argparse.ArgumentParser()
    parser.add_argument("--draws", type=int, required=True)
    parser.add_argument("--warm", type=int, default=0)
    parser.add_argument("file", type=Path)
    options = parser.parse_args()
    returns = np.load(options.file)
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in tests}
    for number in range(options.warm + 1):
        for name, test in tests.items():
            began, own = time.perf_counter(), time.process_time()
            test(returns, options.draws)
            if number:
                seconds[name].append((time.perf_counter() - began, time.process_time() - own))
    print(json.dumps({"warm_s": seconds}))
