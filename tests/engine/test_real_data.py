"""Six real markets, trade for trade against the independent simulator; and backtest against replay."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from quantsail_framework import load_pipeline
from quantsail_framework.engine import Simulation, load_market, replay, simulate
from tests.engine.test_reference import assert_identical, assert_same_as_reference
from tests.reference import simulator
from tests.reference.trend import add_trend_signals, load
from tests.reference.values import Outcome, Settings

SYMBOLS = ("ADA/USDT", "BNB/USDT", "BTC/USDT", "ETH/USDT", "SOL/USDT", "XRP/USDT")
MINUTE = 60_000_000_000
# Limits at which each rule has something to refuse.
EVERY_RULE: list[tuple[str, dict[str, Any]]] = [
    ("profitability-gate", {"min_profit": 0.10}),
    ("max-daily-loss", {"limit": 40.0, "include_open": True}),
    ("max-daily-trades", {"limit": 12}),
    ("max-concurrent-positions", {"limit": 2}),
    ("max-correlated-positions", {"limit": 1, "window": 100, "threshold": 0.9}),
    ("max-exposure", {"pct": 19.95}),
]
CASES: dict[str, dict[str, Any]] = {
    "the gate alone": {},
    "every portfolio rule": {"rules": EVERY_RULE},
    "shorts too": {"strategy": {"allow_short": True}},
    "the risk decides the size": {"sizer": {"max_risk_per_trade_pct": 0.05}},
}

PIPELINE = """
[pipeline]
name = "six-markets"
capital = 10_000
[data]
use = "parquet"
path = "{path}"
symbols = {symbols}
timeframe = "5m"
[strategy]
use = "trend"
[costs]
use = "binance-spot"
[sizer]
use = "fixed-fractional"
"""


def written(folder: Path, home: Path, symbols: tuple[str, ...], case: dict[str, Any]) -> Path:
    """The pipeline file of a case."""
    text = PIPELINE.format(path=folder.as_posix(), symbols=list(symbols))
    for name, options in case.get("rules", EVERY_RULE[:1]):
        lines = [f"{key} = {str(value).lower()}" for key, value in options.items()]
        text += "\n".join(["[[risk]]", f'use = "{name}"', *lines, ""])
    file = home / "pipeline.toml"
    file.write_text(text, encoding="utf-8")
    return file


def changes(case: dict[str, Any]) -> dict[str, Any]:
    """What a case sets beyond the file, as ``--set`` would."""
    return {f"{table}.{key}": value for table in ("strategy", "sizer") for key, value in case.get(table, {}).items()}


def engine(folder: Path, home: Path, case: dict[str, Any]) -> Simulation:
    pipeline = load_pipeline(written(folder, home, SYMBOLS, case), overrides=changes(case))
    return simulate(pipeline, load_market(pipeline))


def reference(folder: Path, warmup: int, case: dict[str, Any]) -> Outcome:
    markets = [load(folder / f"{symbol.replace('/', '_')}-5m.parquet", symbol) for symbol in SYMBOLS]
    for market in markets:
        add_trend_signals(market, **case.get("strategy", {}))
        market.first = warmup
    settings = Settings(
        timeframe=5 * MINUTE,
        capital=10_000.0,
        sizer=case.get("sizer", {}),
        costs=("binance-spot", {}),
        rules=case.get("rules", EVERY_RULE[:1]),
    )
    return simulator.simulate(markets, settings)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", CASES)
def test_trades_equal_the_independent_simulation(name: str, shared_data: Path, tmp_path: Path) -> None:
    case, folder = CASES[name], shared_data / "ohlcv" / "binance"
    run = engine(folder, tmp_path, case)
    pipeline = load_pipeline(written(folder, tmp_path, SYMBOLS, case), overrides=changes(case))
    outcome = reference(folder, load_market(pipeline).warmup, case)
    for row in outcome.trades:
        row.pop("reason"), row.pop("confidence")
    run = Simulation(
        {k: v for k, v in run.trades.items() if k not in ("reason", "confidence")},
        run.equity,
        run.refusals,
        run.final_cash,
    )
    assert_same_as_reference(run, outcome)
    bound = set(run.trades["bound_by"])
    if name == "the gate alone":
        assert 6_000 < len(run.trades["symbol"]) < 6_600
    if name == "every portfolio rule":
        assert {rule for rule, _ in EVERY_RULE} <= set(run.refusals["rule"])
    if name == "shorts too":
        assert set(run.trades["side"]) == {"long", "short"}
    if name == "the risk decides the size":
        assert "risk" in bound


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_replay_equals_the_backtest(name: str, shared_data: Path, tmp_path: Path) -> None:
    case = CASES[name]
    file = written(shared_data / "ohlcv" / "binance", tmp_path, SYMBOLS, case)
    pipeline = load_pipeline(file, overrides=changes(case))
    data = load_market(pipeline)
    assert_identical(simulate(pipeline, data), replay(pipeline, data))


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_rolling_feed_sees_the_same_market_for_a_year(shared_data: Path, tmp_path: Path) -> None:
    """What a live run would see, the last warm-up + 1 bars at each close: the same trades."""
    file = written(shared_data / "ohlcv" / "binance", tmp_path, ("BTC/USDT",), {"rules": EVERY_RULE})
    overrides = {"data.start": "2022-09-01", "data.end": "2023-09-01", "strategy.allow_short": True}
    pipeline = load_pipeline(file, overrides=overrides)
    data = load_market(pipeline)
    once, rolling = simulate(pipeline, data), replay(pipeline, data, feed="rolling")
    assert len(once.trades["symbol"]) > 500
    for column in ("symbol", "side", "signal_time", "entry_time", "exit_time", "exit_reason", "bound_by", "ambiguous"):
        np.testing.assert_array_equal(once.trades[column], rolling.trades[column], err_msg=column)
    for column in ("entry_price", "exit_price", "stop", "target", "quantity", "net_pnl", "mae", "mfe", "risk", "fees"):
        np.testing.assert_allclose(once.trades[column], rolling.trades[column], rtol=1e-9, err_msg=column)
    np.testing.assert_array_equal(once.refusals["rule"], rolling.refusals["rule"])
    np.testing.assert_allclose(once.equity["equity"], rolling.equity["equity"], rtol=1e-9)
