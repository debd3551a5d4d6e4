"""``python -m tests.benchmarks.startup``: commands that only answer, as whole processes.

They run from wheels, in an environment of their own, in turns with a Python that does nothing.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import time
from pathlib import Path

from tests.benchmarks.peers.environments import own

TARGET_S = 0.15
COMMANDS = (("--help",), ("plugins", "list"))


def measure(rounds: int, python: Path) -> dict[str, float]:
    """Median seconds by what was started; the first start of each, which compiles, does not count."""
    starts = {" ".join(command): [str(python.parent / "quantsail"), *command] for command in COMMANDS}
    starts["python -c pass"] = [str(python), "-c", "pass"]
    seconds: dict[str, list[float]] = {name: [] for name in starts}
    for number in range(rounds + 1):
        for name, command in starts.items():
            began = time.perf_counter()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=python.parent)
            if number:
                seconds[name].append(time.perf_counter() - began)
    return {name: statistics.median(values) for name, values in seconds.items()}


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.startup", description=__doc__)
    parser.add_argument("--rounds", type=int, default=11, help="measured starts of each (default 11)")
    print(json.dumps({"target_s": TARGET_S, **measure(parser.parse_args().rounds, own())}))


if __name__ == "__main__":
    main()
