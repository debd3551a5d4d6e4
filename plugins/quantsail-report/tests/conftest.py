"""Results to report on: a run of two symbols with every kind of row, a run without trades, another runner's result."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from quantsail_framework.domain.result import RunResult
from quantsail_framework.metrics import buy_and_hold, performance

HOUR = 3_600_000_000_000
DAY = 24 * HOUR
START = int(np.datetime64("2024-01-01", "ns").astype(np.int64))
CAPITAL = 10_000.0


def text(values: list[str]) -> np.ndarray[Any, Any]:
    return np.array(values, dtype=object)


def trades_table(count: int) -> dict[str, np.ndarray[Any, Any]]:
    """``count`` trades, one every 20 hours: two of three win, every fourth is short and on ETH."""
    index = np.arange(count)
    fourth = index % 4 == 3
    entry = START + (1 + index) * 20 * HOUR
    price = np.where(fourth, 2_000.0, 40_000.0)
    quantity = np.where(fourth, 0.5, 0.025)
    gross = np.where(index % 3 == 2, -12.0, 15.0)
    fees, spread, slippage = np.full(count, 1.5), np.full(count, 0.2), np.full(count, 0.3)
    return {
        "symbol": text(np.where(fourth, "ETH/USDT", "BTC/USDT").tolist()),
        "side": text(np.where(fourth, "short", "long").tolist()),
        "signal_time": entry - HOUR,
        "entry_time": entry,
        "exit_time": entry + 5 * HOUR,
        "entry_price": price,
        "exit_price": price,
        "stop": price * 0.98,
        "target": np.full(count, np.nan),
        "quantity": quantity,
        "gross_pnl": gross,
        "fees": fees,
        "spread": spread,
        "slippage": slippage,
        "net_pnl": gross - fees - spread - slippage,
        "exit_reason": text(np.where(index % 3 == 2, "stop", np.where(index % 2, "trailing_stop", "target")).tolist()),
        "equity_at_entry": np.full(count, CAPITAL),
        "risk": np.full(count, 20.0),
        "bound_by": text(np.where(index % 10 == 0, "position", "risk").tolist()),
        "mae": np.zeros(count),
        "mfe": np.zeros(count),
        "ambiguous": index == 0,
        "confidence": np.ones(count),
        "reason": text(["breakout"] * count),
    }


def equity_table(trades: dict[str, np.ndarray[Any, Any]], bars: int) -> dict[str, np.ndarray[Any, Any]]:
    time = START + np.arange(bars) * HOUR
    net = np.zeros(bars)
    np.add.at(net, np.searchsorted(time, trades["exit_time"]), trades["net_pnl"])
    held = np.zeros(bars)
    for entry in np.searchsorted(time, trades["entry_time"]).tolist():
        held[entry : entry + 5] = 1_000.0
    equity = CAPITAL + np.cumsum(net)
    return {"time": time, "equity": equity, "cash": equity - held, "exposure": held}


def symbol_facts(name: str, bars: int, sha256: str, gaps: int, missing: int) -> dict[str, Any]:
    last = START + (bars - 1) * HOUR
    tradable = START + 50 * HOUR
    facts = {"symbol": name, "bars": bars, "first": START, "last": last, "first_tradable": tradable}
    return facts | {"sha256": sha256 * 8, "rules": "none", "gaps": gaps, "missing": missing}


def run_of(count: int, bars: int, refused: list[str], notes: tuple[str, ...] = ()) -> RunResult:
    trades = trades_table(count)
    equity = equity_table(trades, bars)
    benchmark = buy_and_hold([40_000.0, 2_000.0], [46_000.0, 2_100.0])
    found = performance(trades, equity, capital=CAPITAL, timeframe_ns=HOUR, benchmark=benchmark)
    facts = {
        "symbols": [
            symbol_facts("BTC/USDT", bars, "3f2a9c1b", 0, 0),
            symbol_facts("ETH/USDT", bars, "77aa01fe", 2, 7),
            symbol_facts("SOL/USDT", bars, "c0ffee00", 0, 0),
        ],
        "timeframe": "1h",
        "strategy": "trend",
        "capital": CAPITAL,
        "currency": "USDT",
    }
    tables = {"trades": trades, "equity": equity, "refusals": {"rule": text(refused), "limit": np.zeros(len(refused))}}
    return RunResult("backtest", "trend-majors", tables, found.metrics, found.undefined, facts, notes)


@pytest.fixture
def full_run() -> RunResult:
    """150 trades in five months of hourly bars."""
    refused = ["min_notional"] + ["profitability-gate"] * 6 + ["max-daily-loss"] * 3
    return run_of(150, 24 * 152, refused, ("ETH/USDT: 2 gaps (7 bars missing), kept",))


@pytest.fixture
def quiet_run() -> RunResult:
    """Two weeks without a trade."""
    return run_of(0, 24 * 14, [])


@pytest.fixture
def long_run() -> RunResult:
    """Trades in 30 months, so that the first year is summed."""
    return run_of(1_000, 24 * 900, [])


@pytest.fixture
def other_result() -> RunResult:
    """What a runner unknown to this plugin may give."""
    return RunResult(
        "walk-forward",
        "wf",
        tables={"trials": {"score": np.arange(12.0)}, "windows": {"start": np.arange(3)}, "empty": {}},
        metrics={
            "efficiency": 0.61234567,
            "windows": 3,
            "stable": True,
            "drawdown": {"p50": 0.1, "p95": 0.21, "paths": [1, 2, 3]},
            "max_drawdown": {"p95": 0.2},
            "by_symbol": 4,
            "best": "adx_period = 14",
            "drift": None,
        },
        undefined={"drift": "one window only"},
        verdict="not_enough_data",
    )


def trials_table(scores: list[float], **columns: list[Any]) -> dict[str, np.ndarray[Any, Any]]:
    """Trials of two parameters; those without a score failed."""
    index = np.arange(len(scores))
    numbers = {
        "trial": index,
        "strategy.atr_period": 10 + index,
        "risk.max-exposure.pct": 25.0 * (1 + index % 3),
        "score": np.array(scores),
        "total_return": 0.01 * index,
        "max_drawdown": 0.05 + 0.01 * index,
        "total_trades": 30.0 + index,
    }
    status = text(["ok" if score == score else "failed" for score in scores])
    return numbers | {"status": status} | {name: np.array(values) for name, values in columns.items()}


LUCK = {
    "trials": 12,
    "probabilistic_sharpe_ratio": 0.9523,
    "deflated_sharpe_ratio": 0.4943,
    "probability_of_overfitting": None,
    "best_five_share": 0.46,
    "net_without_best_five": 115.635,
}


@pytest.fixture
def sweep_result() -> RunResult:
    """Twelve trials, two of them without a score."""
    scores = [1.0, 3.5, float("nan"), 2.25, -0.5, 0.0, 1.5, float("nan"), 2.0, 1.75, 0.25, 3.0]
    facts = {"parameters": ["strategy.atr_period", "risk.max-exposure.pct"], "objective": "profit-factor-ln-trades"}
    intervals = {"sharpe": {"low": -0.8, "high": 3.57}, "win_rate": {"low": 0.33, "high": 0.55}, "cagr": None}
    reasons = {"probability_of_overfitting": "too few days", "intervals_95.cagr": "too few days"}
    metrics = {**LUCK, "intervals_95": intervals, "regret": 0.25}
    return RunResult("sweep", "tuned", {"trials": trials_table(scores)}, metrics, reasons, facts)


@pytest.fixture
def pareto_result() -> RunResult:
    """Two objectives, and two options whose last names are the same."""
    trials = trials_table([1.0, 3.0, 2.0], score_2=[0.9, 0.1, 0.5])
    trials["costs.atr_period"] = np.array([1, 2, 3])
    front = {name: column[[0, 1]] for name, column in trials.items()}
    facts = {"parameters": ["strategy.atr_period", "costs.atr_period"], "objective": ["sharpe", "calmar"]}
    return RunResult("optuna", "front", {"trials": trials, "pareto": front}, facts=facts)


@pytest.fixture
def monte_carlo_result() -> RunResult:
    """Three tests, one of which knows nothing but drawdowns."""
    full = {
        "profitable_share": 0.895,
        "p5_total_return": -0.0057,
        "p50_total_return": 0.0163,
        "p95_total_return": 0.0374,
        "p50_max_drawdown": 0.0088,
        "p95_max_drawdown": 0.0175,
    }
    metrics = {
        "shuffle_p50_max_drawdown": 0.0087,
        "shuffle_p95_max_drawdown": 0.0138,
        **{f"bootstrap_{name}": value for name, value in full.items()},
        "probability_of_ruin": 0.001,
        **{f"cost_jitter_1.5_{name}": None for name in full},
        "random_entry_p_value": 0.0412,
    }
    return RunResult("monte-carlo", "drawn", metrics=metrics, verdict="pass")
