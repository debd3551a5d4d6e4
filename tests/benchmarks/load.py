"""``python -m tests.benchmarks.load``: job J7, twenty series of a year of 1m candles from the store.

Whole processes from a fresh interpreter: the first load (Parquet, which makes the column cache), the second (the
cache), and pandas reading the same Parquet files. Each ends with one number out of each series, so that it was read.
The peak memory is read from /proc, so this runs on Linux.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

from tests.benchmarks.market import CACHE, candles

SYMBOLS, BARS = 20, 525_600
FIRST_S, SECOND_S = 1.3, 0.5  # targets, two cores

_HEAD = "import json, re, sys\n"
# The kernel's own figure: getrusage counts the parent's memory in.
_TAIL = """
peak = re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())
print(json.dumps([int(peak[1]) / 1024, total]))
"""
_OWN = """
from quantsail_framework.domain.timeframe import Timeframe
from quantsail_framework.ports.data_source import BarRequest
from quantsail_framework.store import Store
store, total = Store(sys.argv[1]), 0.0
for number in range(int(sys.argv[2])):
    total += store.bars("made", BarRequest(f"S{number:02d}/USDT", Timeframe("1m"))).close[-1]
"""
_PANDAS = """
import pandas, pathlib
total = 0.0
for folder in sorted(pathlib.Path(sys.argv[1]).glob("made/*/1m")):
    parts = [pandas.read_parquet(path) for path in sorted(folder.glob("*.parquet"))]
    total += pandas.concat(parts)["close"].iloc[-1]
"""


def store(cache: Path = CACHE, symbols: int = SYMBOLS, bars: int = BARS) -> Path:
    """The root of the store with its candles, made when it is not there yet."""
    from quantsail_framework import Bars, Timeframe
    from quantsail_framework.store import Store

    root = cache / f"store-{symbols}x{bars}"
    if not (root / "complete").exists():
        for number in range(symbols):
            made = candles(number, bars, 1)
            values = [made[name] for name in ("open", "high", "low", "close", "volume")]
            series = Bars(f"S{number:02d}/USDT", Timeframe("1m"), made["timestamp"] * 1_000_000, *values)
            Store(root).add("made", series, source="seeded", fetched_ns=time.time_ns())
        (root / "complete").touch()
    return root


def measure(rounds: int, root: Path, symbols: int = SYMBOLS) -> dict[str, dict[str, float]]:
    """Median seconds and peak MB of each contestant, taking turns."""
    seen: dict[str, list[tuple[float, float]]] = {"first": [], "second": [], "pandas": []}
    totals = set()
    for number in range(rounds + 1):
        for path in root.glob("made/*/1m/columns.cache"):
            path.unlink()
        for name, code in (("first", _OWN), ("second", _OWN), ("pandas", _PANDAS)):
            began = time.perf_counter()
            command = [sys.executable, "-c", _HEAD + code + _TAIL, str(root), str(symbols)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            seconds = time.perf_counter() - began
            peak, total = json.loads(done.stdout)
            totals.add(round(total, 6))
            if number:  # the first round fills the page cache
                seen[name].append((seconds, peak))
    if len(totals) != 1:
        raise RuntimeError(f"the contestants read different candles: {totals}")
    return {
        name: {"s": statistics.median(s for s, _ in runs), "peak_mb": statistics.median(mb for _, mb in runs)}
        for name, runs in seen.items()
    }


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.load", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="measured rounds (default 5)")
    found = measure(parser.parse_args().rounds, store())
    ratio = found["pandas"]["s"] / found["first"]["s"]
    print(json.dumps({**found, "targets_s": [FIRST_S, SECOND_S], "pandas_to_first": ratio}, indent=1))


if __name__ == "__main__":
    main()
