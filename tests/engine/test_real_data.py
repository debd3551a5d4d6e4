"""Six real markets, trade for trade against the independent simulator; and backtest against replay."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from quantsail_framework import Signals, load_pipeline
from quantsail_framework.engine import Simulation, load_market, replay, simulate
from tests.engine.pipelines import by_loop
from tests.engine.test_reference import assert_identical, assert_same_as_reference
from tests.reference import simulator
from tests.reference.mean_reversion import add_mean_reversion_signals
from tests.reference.trend import add_trend_signals, load
from tests.reference.values import Market, Outcome, Settings
from tests.reference.volatility_expansion import add_volatility_expansion_signals

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
SIGNALS = {
    "trend": add_trend_signals,
    "mean-reversion": add_mean_reversion_signals,
    "volatility-expansion": add_volatility_expansion_signals,
}
# Options by table; the strategy is trend unless `use` names another.
CASES: dict[str, dict[str, Any]] = {
    "the gate alone": {},
    "every portfolio rule": {"rules": EVERY_RULE},
    "shorts too": {"strategy": {"allow_short": True}},
    "the risk decides the size": {"sizer": {"max_risk_per_trade_pct": 0.05}},
    "mean-reversion": {"use": "mean-reversion"},
    "mean-reversion both ways": {
        "use": "mean-reversion",
        "rules": EVERY_RULE,
        "strategy": {"allow_short": True, "adx_threshold": 30.0, "rsi_oversold": 40.0},
    },
    "volatility-expansion": {"use": "volatility-expansion"},
    "volatility-expansion both ways": {
        "use": "volatility-expansion",
        "rules": EVERY_RULE,
        "strategy": {"allow_short": True, "squeeze_bars": 30, "expansion_atr": 1.0},
    },
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
use = "{use}"
[costs]
use = "binance-spot"
[sizer]
use = "fixed-fractional"
"""


@pytest.fixture(autouse=True)
def _collected() -> Iterator[None]:
    """Each case holds millions of Python objects, in cycles that would wait for long: two gigabytes in the end."""
    yield
    gc.collect()


def written(folder: Path, home: Path, symbols: tuple[str, ...], case: dict[str, Any]) -> Path:
    """The pipeline file of a case."""
    text = PIPELINE.format(path=folder.as_posix(), symbols=list(symbols), use=case.get("use", "trend"))
    for name, options in case.get("rules", EVERY_RULE[:1]):
        lines = [f"{key} = {str(value).lower()}" for key, value in options.items()]
        text += "\n".join(["[[risk]]", f'use = "{name}"', *lines, ""])
    file = home / "pipeline.toml"
    file.write_text(text, encoding="utf-8")
    return file


def changes(case: dict[str, Any]) -> dict[str, Any]:
    """What a case sets beyond the file, as ``--set`` would."""
    return {f"{table}.{key}": value for table in ("strategy", "sizer") for key, value in case.get(table, {}).items()}


def reference_markets(folder: Path, case: dict[str, Any]) -> list[Market]:
    """The candles with the signals that a plain loop finds."""
    add_signals, options = SIGNALS[case.get("use", "trend")], case.get("strategy", {})
    paths = {symbol: folder / f"{symbol.replace('/', '_')}-5m.parquet" for symbol in SYMBOLS}
    return [add_signals(load(path, symbol), **options) for symbol, path in paths.items()]


def reference(markets: list[Market], warmup: int, case: dict[str, Any]) -> Outcome:
    for market in markets:
        market.first = warmup
    settings = Settings(
        timeframe=5 * MINUTE,
        capital=10_000.0,
        sizer=case.get("sizer", {}),
        costs=("binance-spot", {}),
        rules=case.get("rules", EVERY_RULE[:1]),
    )
    return simulator.simulate(markets, settings)


def assert_same_signals(signals: Signals, market: Market, first: int) -> None:
    """Entries and levels from bar ``first`` on; before, some filters of the loop may know less, or more."""
    np.testing.assert_array_equal(signals.entry[first:], market.entry[first:], err_msg=market.symbol)
    for name in ("stop", "target"):
        expected = np.array([np.nan if level is None else level for level in getattr(market, name)])
        np.testing.assert_allclose(getattr(signals, name)[first:], expected[first:], rtol=1e-9, err_msg=market.symbol)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", CASES)
def test_signals_and_trades_equal_the_independent_simulation(name: str, shared_data: Path, tmp_path: Path) -> None:
    case, folder = CASES[name], shared_data / "ohlcv" / "binance"
    pipeline = load_pipeline(written(folder, tmp_path, SYMBOLS, case), overrides=changes(case))
    data, markets = load_market(pipeline), reference_markets(folder, case)
    for market in markets:
        assert_same_signals(pipeline.strategy.signals(data.bars[market.symbol]), market, data.warmup)
    run, outcome = simulate(pipeline, data), reference(markets, data.warmup, case)
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
    if name == "mean-reversion":
        impossible = int((run.refusals["rule"] == "invalid_levels").sum())
        assert 430 < len(run.trades["symbol"]) < 450
        assert 470 < impossible < 490
    if name.startswith("volatility-expansion"):
        assert set(run.trades["symbol"]) == set(SYMBOLS)
    if case.get("rules") is EVERY_RULE:
        assert {rule for rule, _ in EVERY_RULE} <= set(run.refusals["rule"])
    if case.get("strategy", {}).get("allow_short"):
        assert set(run.trades["side"]) == {"long", "short"}
    if name == "the risk decides the size":
        assert "risk" in bound


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_every_way_to_run_has_the_same_trades(name: str, shared_data: Path, tmp_path: Path) -> None:
    case = CASES[name]
    file = written(shared_data / "ohlcv" / "binance", tmp_path, SYMBOLS, case)
    pipeline = load_pipeline(file, overrides=changes(case))
    data = load_market(pipeline)
    jumped, looped = simulate(pipeline, data), by_loop(pipeline, data)
    assert_identical(jumped, replay(pipeline, data))
    assert (looped is None) == (case.get("rules") is EVERY_RULE)  # of which not all have a compiled form
    if looped is not None:
        assert_identical(jumped, looped)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("use", "end", "trades"),
    [("trend", "2023-09-01", 500), ("mean-reversion", "2023-01-01", 100), ("volatility-expansion", "2023-01-01", 100)],
)
def test_the_rolling_feed_sees_the_same_market_for_months(
    use: str, end: str, trades: int, shared_data: Path, tmp_path: Path
) -> None:
    """What a live run would see, the last warm-up + 1 bars at each close: the same trades."""
    file = written(shared_data / "ohlcv" / "binance", tmp_path, ("BTC/USDT",), {"use": use, "rules": EVERY_RULE})
    overrides = {"data.start": "2022-09-01", "data.end": end, "strategy.allow_short": True}
    if use == "mean-reversion":  # touches are rare with the usual filters
        overrides |= {"strategy.adx_threshold": 40.0, "strategy.rsi_oversold": 45.0}
    pipeline = load_pipeline(file, overrides=overrides)
    data = load_market(pipeline)
    once, rolling = simulate(pipeline, data), replay(pipeline, data, feed="rolling")
    assert len(once.trades["symbol"]) > trades
    for column in ("symbol", "side", "signal_time", "entry_time", "exit_time", "exit_reason", "bound_by", "ambiguous"):
        np.testing.assert_array_equal(once.trades[column], rolling.trades[column], err_msg=column)
    for column in ("entry_price", "exit_price", "stop", "target", "quantity", "net_pnl", "mae", "mfe", "risk", "fees"):
        # A stop just beside the entry makes risk and mae tiny, and few of their digits outlive the subtraction.
        np.testing.assert_allclose(once.trades[column], rolling.trades[column], rtol=1e-9, atol=1e-11, err_msg=column)
    np.testing.assert_array_equal(once.refusals["rule"], rolling.refusals["rule"])
    np.testing.assert_allclose(once.equity["equity"], rolling.equity["equity"], rtol=1e-9)
