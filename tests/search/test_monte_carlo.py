"""The runner monte-carlo among the other plugins: processes, interruptions, the quickstart, real candles."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest

from quantsail_framework import Bars, RunResult, Signals, load_pipeline, run
from quantsail_framework.engine import MarketData, load_market
from quantsail_framework.errors import PipelineError
from quantsail_framework.ports.runner import Session
from quantsail_framework.search.executors import SerialExecutor
from quantsail_framework.testing.examples import example_pipeline, example_session
from quantsail_framework.testing.fakes import FakeStrategy
from quantsail_local import executor
from quantsail_local.executor import LocalExecutor
from quantsail_monte_carlo.price_path import resampled
from quantsail_monte_carlo.runner import MonteCarloRunner

ROOT = Path(__file__).parents[2]
ALL: Any = ("shuffle", "bootstrap", "parameter-jitter", "cost-jitter", "price-path", "random-entry")
RUNNER = MonteCarloRunner(tests=ALL, min_trades=5, draws=300, jitter_draws=20, cost_runs=5, price_paths=10)
TABLE = """
[monte-carlo]
draws = 500
jitter_draws = 10
cost_runs = 4
"""


@attrs.define
class Counting(SerialExecutor):
    """Counts what it runs."""

    items: int = 0

    def map(
        self, function: Callable[[Any, Any], Any], items: Sequence[Any], *, shared: Any
    ) -> Iterator[tuple[int, Any]]:
        self.items += len(items)
        return super().map(function, items, shared=shared)


@attrs.frozen
class Whole:
    """Enters by the clock; its one option is a whole number."""

    every: int = 20

    @property
    def warmup(self) -> int:
        return 0

    def signals(self, bars: Bars) -> Signals:
        return FakeStrategy(self.every).signals(bars)


def content(result: RunResult) -> str:
    """All that a run folder would hold, to the last bit."""
    tables = {name: {key: column.tolist() for key, column in table.items()} for name, table in result.tables.items()}
    return repr([tables, result.metrics, result.undefined, result.facts, result.notes, result.verdict])


def result_of(**session: Any) -> RunResult:
    return RUNNER.run(example_pipeline(), example_session(**session))


def test_d086_one_and_two_processes_give_the_same_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executor, "_PROBE_S", 0.0)
    monkeypatch.setattr(executor, "_START_S", -1e9)
    one, two = (content(result_of(executor=LocalExecutor(workers))) for workers in (1, 2))
    assert one == two == content(result_of())


def test_a_run_that_was_stopped_goes_on_where_it_was(tmp_path: Path) -> None:
    told: list[str] = []

    def session(**parts: Any) -> Session:
        return example_session(folder=tmp_path / "run", **parts)

    def progress(_fraction: float, text: str) -> None:
        told.append(text)

    with pytest.raises(KeyboardInterrupt):
        RUNNER.run(example_pipeline(), session(progress=progress, cancelled=lambda: len(told) > 12))
    (journal,) = (tmp_path / ".trials").iterdir()
    kept = len(journal.read_text().splitlines())
    assert 5 < kept < 20
    counting = Counting()
    resumed = RUNNER.run(example_pipeline(), session(executor=counting))
    whole = Counting()
    assert content(resumed) == content(result_of(executor=whole))
    assert counting.items == whole.items - kept
    assert not (tmp_path / ".trials").exists()


def test_equal_draws_run_once() -> None:
    """Rounded to whole numbers, 18 to 22 bars are five different strategies however often they are drawn."""
    counting = Counting()
    runner = attrs.evolve(RUNNER, tests=("parameter-jitter",), jitter_draws=200)
    result = runner.run(example_pipeline(strategy=Whole()), example_session(executor=counting))
    assert counting.items == 5
    assert len(result.tables["draws"]["test"]) == 200


def test_the_quickstart_and_one_table_end_with_a_verdict_and_its_criteria(tmp_path: Path) -> None:
    text = (ROOT / "examples" / "quickstart.toml").read_text(encoding="utf-8")
    (tmp_path / "mine.toml").write_text(text + TABLE, encoding="utf-8")
    result = run(load_pipeline(tmp_path / "mine.toml"), runner="monte-carlo", out=tmp_path / "run")
    assert result.kind == "monte-carlo"
    assert result.verdict in ("pass", "fail")
    assert len(result.facts["criteria"]) == 3
    assert {path.name for path in (tmp_path / "run").iterdir()} >= {"fan.parquet", "draws.parquet", "trades.parquet"}
    manifest = json.loads((tmp_path / "run" / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["verdict"] == result.verdict
    assert "criteria" in json.dumps(manifest)


def test_d092_no_capital_is_refused_before_anything_is_drawn() -> None:
    with pytest.raises(PipelineError, match=r"pipeline.capital"):
        load_pipeline(ROOT / "examples" / "monte-carlo.toml", overrides={"pipeline.capital": 0})
    with pytest.raises(PipelineError, match=r"monte-carlo.draws: must be >= 1, got 0"):
        load_pipeline(ROOT / "examples" / "monte-carlo.toml", overrides={"monte-carlo.draws": 0})


def test_paths_of_real_candles_are_as_volatile_and_as_correlated(shared_data: Path) -> None:
    overrides = {"data.path": str(shared_data / "ohlcv" / "binance"), "data.symbols": ["BTC/USDT", "ETH/USDT"]}
    data = load_market(load_pipeline(ROOT / "examples" / "crypto-trend.toml", overrides=overrides))
    real, drawn = _moves(data), _moves(resampled(data, np.random.default_rng(1)))
    assert drawn.std(axis=1) == pytest.approx(real.std(axis=1), rel=0.1)
    assert np.corrcoef(real)[0, 1] > 0.7
    assert np.corrcoef(drawn)[0, 1] == pytest.approx(np.corrcoef(real)[0, 1], abs=0.05)


def _moves(data: MarketData) -> Any:
    """Close-to-close returns of two symbols at the times that both have."""
    one, two = data.bars.values()
    _, rows, others = np.intersect1d(one.time, two.time, return_indices=True)
    return np.array([np.diff(np.log(one.close[rows])), np.diff(np.log(two.close[others]))])
