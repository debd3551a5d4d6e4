"""``python -m tests.benchmarks``: measure the jobs, and with ``--peers`` other backtesters beside them."""

from __future__ import annotations

import argparse
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

from tests.benchmarks.jobs import JOBS, job_named
from tests.benchmarks.measure import ROOT, measure
from tests.benchmarks.peers.environments import own
from tests.benchmarks.table import replaced, table

PAGE = ROOT / "docs" / "performance.md"


def main() -> None:
    """Print the table; with ``--write`` put it into docs/performance.md."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("jobs", nargs="*", metavar="JOB", help=f"which jobs: {', '.join(job.name for job in JOBS)}")
    parser.add_argument("--rounds", type=int, default=5, help="measured starts of each contestant (default 5)")
    parser.add_argument("--peers", action="store_true", help="also measure vectorbt and backtesting.py")
    parser.add_argument("--write", action="store_true", help=f"write the table into {PAGE.relative_to(ROOT)}")
    options = parser.parse_args()
    results = {}
    python = own() if options.peers else Path(sys.executable)
    for job in map(job_named, options.jobs or [job.name for job in JOBS]):
        print(f"{job.name} ...", file=sys.stderr, flush=True)
        results[job.name] = measure(job, options.rounds, peers=options.peers, python=python)
    text = table(results, day=datetime.now(UTC).date(), cores=os.cpu_count() or 1, rounds=options.rounds)
    print(text)
    if options.write:
        PAGE.write_text(replaced(PAGE.read_text(encoding="utf-8"), text), encoding="utf-8")


if __name__ == "__main__":
    main()
