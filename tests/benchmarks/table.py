"""Words measurements as the Markdown table of docs/performance.md."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from datetime import date

from tests.benchmarks.jobs import JOBS, Job
from tests.benchmarks.measure import ENGINE, Timing
from tests.benchmarks.peers.environments import PEERS

BEGIN = "<!-- measured: begin -->"
END = "<!-- measured: end -->"

Results = Mapping[str, Mapping[str, Timing]]


def table(results: Results, *, day: date, cores: int, rounds: int) -> str:
    """One row per job: medians beside their targets, and the cold ratio to the faster peer."""
    names = [name for name in PEERS if any(name in timings for timings in results.values())]
    head = ["job", "quantsail cold", "target", "quantsail warm", "target", f"{ENGINE}, cold", f"{ENGINE}, warm"]
    head += [f"{name} {state}" for name in names for state in ("cold", "warm")]
    head += ["faster, cold"] if names else []
    rows = [_row(job, results[job.name], names) for job in JOBS if job.name in results]
    lines = [_line(head), _line(["---"] * len(head)), *map(_line, rows)]
    facts = f"Measured {day.isoformat()} on {cores} cores, Python {platform.python_version()}"
    versions = ", ".join(PEERS[name].packages[0].replace("==", " ") for name in names)
    against = f", beside {versions}" if versions else ""
    return "\n".join([f"{facts}{against}: medians of {rounds} interleaved runs.", "", *lines])


def _row(job: Job, timings: Mapping[str, Timing], names: list[str]) -> list[str]:
    own = timings["quantsail"]
    row = [f"{job.name}: {job.title}", _text(own.cold_s), _text(job.cold_s), _text(own.warm_s), _text(job.warm_s)]
    for name in (ENGINE, *names):
        timing = timings.get(name)
        row += [_text(timing and timing.cold_s), _text(timing and timing.warm_s)]
    others = [timings[name].cold_s for name in names if name in timings]
    return [*row, *([f"{min(others) / own.cold_s:.1f} x" if others else "-"] if names else [])]


def _text(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    return f"{seconds:.2f} s" if seconds >= 0.1 else f"{seconds * 1000:.0f} ms"


def _line(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def replaced(page: str, measured: str) -> str:
    """``page`` with ``measured`` between its two marks. Raises ValueError when it has none."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"the page has no lines {BEGIN} and {END} to put the table between")
    return f"{before}{BEGIN}\n{measured}\n{END}{after}"
