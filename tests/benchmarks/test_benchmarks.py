"""The benchmarks measure what they say: seeded candles, jobs that trade, and a table that adds nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import date
from pathlib import Path

import attrs
import numpy as np
import pytest

from quantsail_framework import load_pipeline, run
from tests.benchmarks import clusters, load, monte_carlo, startup, sweeps
from tests.benchmarks.jobs import JOBS, Job
from tests.benchmarks.market import candles
from tests.benchmarks.measure import ENGINE, ROOT, Timing, measure
from tests.benchmarks.table import BEGIN, END, replaced, table

SMALL = [attrs.evolve(job, bars=6_000, symbols=min(job.symbols, 3)) for job in JOBS]


def test_one_seed_gives_the_same_candles_and_another_gives_others() -> None:
    one, again, other = candles(1, 500, 5), candles(1, 500, 5), candles(2, 500, 5)
    for name, column in one.items():
        assert np.array_equal(column, again[name]), name
    assert not np.array_equal(one["close"], other["close"])


@pytest.mark.parametrize("job", SMALL, ids=lambda job: job.name)
def test_a_job_trades_on_a_small_part_of_its_candles(job: Job, tmp_path: Path) -> None:
    result = run(load_pipeline(job.pipeline(tmp_path, cache=tmp_path)))
    assert len(result.trades["symbol"]) >= 1
    assert set(result.trades["symbol"]) <= {f"S{number:02d}/USDT" for number in range(job.symbols)}


def test_a_measurement_has_both_states_of_the_product(tmp_path: Path) -> None:
    timings = measure(SMALL[0], 1, peers=False, cache=tmp_path)
    assert set(timings) == {"quantsail", ENGINE}
    # A whole process takes longer than the simulation inside it.
    assert all(timing.cold_s > timing.warm_s > 0.0 for timing in timings.values())


def test_the_table_shows_medians_targets_and_the_ratio_to_the_faster_peer() -> None:
    results = {
        "J1": {
            "quantsail": Timing(0.5, 0.016),
            ENGINE: Timing(0.6, 0.05),
            "vectorbt": Timing(7.0, 0.021),
            "backtesting.py": Timing(2.5, 0.4),
        },
        "J8": {"quantsail": Timing(0.6, 0.034)},
    }
    lines = table(results, day=date(2026, 11, 22), cores=2, rounds=5).splitlines()
    assert lines[0].startswith("Measured 2026-11-22 on 2 cores, Python 3.")
    assert "medians of 5 interleaved runs" in lines[0]
    first, last = (line.split(" | ") for line in lines[-2:])
    # min(7.0, 2.5) / 0.5 = 5.0
    own = ["0.50 s", "0.70 s", "16 ms", "16 ms", "0.60 s", "50 ms"]
    assert first[1:] == [*own, "7.00 s", "21 ms", "2.50 s", "0.40 s", "5.0 x |"]
    assert last[1:] == ["0.60 s", "-", "34 ms", "0.20 s", *["-"] * 6, "- |"]


def test_the_table_replaces_the_one_between_the_marks_only() -> None:
    page = f"before\n{BEGIN}\nold\n{END}\nafter\n"
    assert replaced(page, "new") == f"before\n{BEGIN}\nnew\n{END}\nafter\n"
    with pytest.raises(ValueError, match="no lines"):
        replaced("a page without marks", "new")


def test_the_documented_table_has_every_job_beside_the_peers() -> None:
    page = (ROOT / "docs" / "performance.md").read_text(encoding="utf-8")
    measured = page[page.index(BEGIN) : page.index(END)]
    assert [job.name for job in JOBS if f"| {job.name}: {job.title} |" not in measured] == []
    assert "vectorbt" in measured
    assert "backtesting 0" in measured


def test_the_loads_of_the_store_are_measured_beside_pandas(tmp_path: Path) -> None:
    found = load.measure(1, load.store(tmp_path, symbols=2, bars=60_000), symbols=2)
    assert set(found) == {"first", "second", "pandas"}
    assert all(figures["s"] > 0.0 and figures["peak_mb"] > 0.0 for figures in found.values())


def test_sweeps_are_measured_cold_and_warm_with_the_memory_of_all_processes(tmp_path: Path) -> None:
    assert (sweeps.J3.sets, sweeps.J4.sets) == (27, 400)
    both = attrs.evolve(sweeps.J3, warm_s={1: None, 2: None})
    found = sweeps.measure(both, 1, cache=tmp_path, bars=6_000)
    assert set(found) == {(workers, name) for workers in (1, 2) for name in ("quantsail", ENGINE)}
    for own in found.values():
        assert set(own) == {"cold_s", "warm_s", "peak_mb"}
        assert own["cold_s"] > own["warm_s"] > 0.0
        assert own["peak_mb"] > 20.0


def test_the_paths_of_monte_carlo_are_measured_by_test() -> None:
    found = monte_carlo.measure(1, trades=50, draws=100)
    assert set(found) == {monte_carlo.OWN, monte_carlo.PLAIN}
    tests = {f"{test}_{clock}" for test in ("shuffle", "bootstrap", "block_bootstrap") for clock in ("s", "cpu_s")}
    for figures in found.values():
        assert set(figures) == {"cold_s", *tests}
        assert figures["cold_s"] > figures["shuffle_s"] > 0.0


def test_a_peer_is_compared_by_the_half_of_the_job_that_it_has() -> None:
    own = {"cold_s": 1.0, "shuffle_s": 0.25, "bootstrap_s": 0.25}
    half = {"cold_s": 7.0, "bootstrap_s": 1.0}
    assert monte_carlo.ratios({"quantsail": own, "half": half, "whole": own | {"shuffle_s": 1.75}}) == {
        "half": 1.0 / 0.25,
        "whole": 2.0 / 0.5,
    }


def test_a_dead_sink_keeps_the_engine_for_less_than_five_milliseconds_an_alert() -> None:
    """Wording included; medians and means: the worst of thousands is up to the machine."""
    command = [sys.executable, "-m", "tests.benchmarks.dead_sink", "2000"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    assert set(found) == {"refused", "slow"}
    for sink, figures in found.items():
        assert set(figures) == {"median_ms", "mean_ms", "p99_ms", "worst_ms"}
        assert 0.0 < figures["median_ms"] < 5.0, (sink, figures)
        assert figures["mean_ms"] < 5.0, (sink, figures)


def test_starts_are_measured_beside_a_python_that_does_nothing() -> None:
    found = startup.measure(1, Path(sys.executable))
    assert found["--help"] > found["python -c pass"] > 0.0
    assert set(found) == {"--help", "plugins list", "python -c pass"}


def test_executors_are_measured_on_the_same_trials(tmp_path: Path) -> None:
    lines = clusters.measure(["local"], 1, sets=4, cache=tmp_path, bars=6_000)
    assert [(line["executor"], line["workers"], line["sets"]) for line in lines] == [("local", 1, 4), ("local", 2, 4)]
    assert all(line["sweep_s"] > 0.0 for line in lines)
    # Six thousand bars of six columns of eight bytes each, and little beside.
    assert 0.288 < lines[0]["study_mb"] < 0.4
