"""The whole list of metrics of a run: a run worked by hand, empty and ruined runs, and what holds for any run."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantsail_framework.metrics import Performance, buy_and_hold, performance
from quantsail_framework.metrics.performance import numbers

DAY = 86_400_000_000_000
HOUR = DAY // 24
Maker = Callable[..., Mapping[str, Any]]

ONE_FIGURE = {
    *("total_trades", "winners", "losers", "win_rate", "total_net_pnl", "total_fees", "total_slippage", "total_spread"),
    *("profit_factor", "avg_trade_pnl", "max_drawdown", "final_equity", "total_return", "cagr", "volatility", "sharpe"),
    *("sortino", "calmar", "periods_per_year", "max_drawdown_duration_days", "exposure_time", "turnover", "expectancy"),
    *("sqn", "average_holding_hours", "best_trade", "worst_trade", "buy_and_hold_return", "ambiguous_trades"),
}
BREAKDOWNS = {"by_symbol", "by_side", "by_exit_reason", "by_month"}


def missing(metrics: Mapping[str, Any], prefix: str = "") -> set[str]:
    """Dotted paths of every None."""
    paths: set[str] = set()
    for name, value in metrics.items():
        if value is None:
            paths.add(prefix + name)
        elif isinstance(value, dict):
            paths |= missing(value, f"{prefix}{name}.")
    return paths


def assert_plain(value: Any) -> None:
    """Only Python's own types, only finite numbers."""
    if isinstance(value, dict):
        for name, item in value.items():
            assert type(name) is str
            assert_plain(item)
        return
    assert value is None or type(value) in (int, float)
    assert value is None or math.isfinite(value)


@pytest.fixture
def by_hand(make_trades: Maker, make_equity: Maker) -> Performance:
    """Three trades over four daily bars from Monday 1970-01-05, capital 1000."""
    monday = 4 * DAY
    rows = [
        {"net_pnl": 50.0, "fees": 1.0, "spread": 0.5, "slippage": 0.25, "exit_time": monday, "quantity": 2.0}
        | {"entry_time": monday, "exit_price": 130.0, "ambiguous": True},
        {"net_pnl": -20.0, "fees": 1.0, "spread": 0.5, "slippage": 0.25, "exit_time": monday + 2 * DAY, "side": "short"}
        | {"entry_time": monday, "exit_price": 119.0, "symbol": "ETH/USDT", "exit_reason": "stop"},
        {"net_pnl": 0.0, "fees": 2.0, "exit_time": monday + 3 * DAY, "entry_time": monday + 2 * DAY}
        | {"exit_price": 102.0, "exit_reason": "signal"},
    ]
    equity = make_equity(
        [1050.0, 1000.0, 1030.0, 1030.0],
        times=[monday + i * DAY for i in range(4)],
        exposure=[100.0, 100.0, 100.0, 0.0],
    )
    return performance(make_trades(rows), equity, capital=1000.0, timeframe_ns=DAY, benchmark=0.125)


def test_counts_and_sums(by_hand: Performance) -> None:
    expected = {
        "total_trades": 3,
        "winners": 1,
        "losers": 1,
        "win_rate": 1 / 3,
        "total_net_pnl": 30.0,
        "total_fees": 4.0,
        "total_spread": 1.0,
        "total_slippage": 0.5,
        "profit_factor": 2.5,  # 50 / 20
        "avg_trade_pnl": 10.0,
        "best_trade": 50.0,
        "worst_trade": -20.0,
        "ambiguous_trades": 1,
        "expectancy": 2.0,  # (50/5 - 20/5 + 0) / 3
        "average_holding_hours": 40.0,  # target: 1 day, stop: 3 days, signal at the open: 1 day; 120 h / 3
        # entries 200 + 100 + 100, exits 260 + 119 + 102, mean equity 4110 / 4 = 1027.5
        "turnover": 881 / 1027.5,
        "buy_and_hold_return": 0.125,
    }
    assert {name: by_hand.metrics[name] for name in expected} == pytest.approx(expected)


def test_d048_curve_metrics_with_stated_annualisation(by_hand: Performance) -> None:
    returns = [0.05, 1000 / 1050 - 1, 0.03, 0.0]
    mean = sum(returns) / 4
    deviation = math.sqrt(sum((r - mean) ** 2 for r in returns) / 3)
    growth = 1.03 ** (365.25 / 4) - 1
    expected = {
        "final_equity": 1030.0,
        "total_return": 0.03,
        "max_drawdown": 50 / 1050,
        "max_drawdown_duration_days": 3.0,  # from the close of bar 0, never recovered
        "periods_per_year": 252.0,  # no bar on a weekend
        "cagr": growth,
        "calmar": growth / (50 / 1050),
        "volatility": deviation * math.sqrt(252),
        "sharpe": mean / deviation * math.sqrt(252),
        "sortino": mean / math.sqrt(returns[1] ** 2 / 4) * math.sqrt(252),
        "exposure_time": 0.75,
    }
    assert {name: by_hand.metrics[name] for name in expected} == pytest.approx(expected)


def test_breakdowns(by_hand: Performance) -> None:
    assert by_hand.metrics["by_symbol"]["ETH/USDT"] == {
        "total_trades": 1,
        "winners": 0,
        "losers": 1,
        "win_rate": 0.0,
        "total_net_pnl": -20.0,
        "avg_trade_pnl": -20.0,
        "total_fees": 1.0,
        "total_spread": 0.5,
        "total_slippage": 0.25,
    }
    assert by_hand.metrics["by_symbol"]["BTC/USDT"]["win_rate"] == 0.5  # one winner, one break-even
    assert {side: group["total_trades"] for side, group in by_hand.metrics["by_side"].items()} == {
        "long": 2,
        "short": 1,
    }
    assert list(by_hand.metrics["by_exit_reason"]) == ["target", "stop", "signal"]


def test_the_list_is_complete(by_hand: Performance) -> None:
    assert set(by_hand.metrics) == ONE_FIGURE | BREAKDOWNS
    assert by_hand.undefined == {}


def test_months_take_the_exit_and_the_months_last_point(make_trades: Maker, make_equity: Maker) -> None:
    def moment(text: str) -> int:
        return int(np.datetime64(text, "ns").astype(np.int64))

    # The bar that opens on 31 January 23:00 closes in February and belongs to January. March has no bars.
    opens = [moment(text) for text in ("2024-01-31T22:00", "2024-01-31T23:00", "2024-02-01T00:00", "2024-04-01T00:00")]
    rows = [
        {"entry_time": opens[0], "exit_time": opens[1], "net_pnl": 100.0, "fees": 1.0},
        {"entry_time": opens[1], "exit_time": opens[2], "net_pnl": -55.0},
    ]
    result = performance(
        make_trades(rows),
        make_equity([1000.0, 1100.0, 1045.0, 1045.0], times=opens),
        capital=1000.0,
        timeframe_ns=HOUR,
        benchmark=None,
    )
    months = result.metrics["by_month"]
    assert list(months) == ["2024-01", "2024-02", "2024-04"]
    assert [month["total_return"] for month in months.values()] == pytest.approx([0.1, -0.05, 0.0])
    assert [month["total_net_pnl"] for month in months.values()] == [100.0, -55.0, 0.0]
    assert [month["total_trades"] for month in months.values()] == [1, 1, 0]


def test_a_run_without_trades_has_every_metric(make_trades: Maker, make_equity: Maker) -> None:
    result = performance(make_trades([]), make_equity([1000.0] * 3), capital=1000.0, timeframe_ns=DAY, benchmark=0.1)
    assert set(result.metrics) == ONE_FIGURE | BREAKDOWNS
    assert result.metrics["total_net_pnl"] == 0.0
    assert result.metrics["cagr"] == 0.0
    assert result.metrics["exposure_time"] == 0.0
    assert result.metrics["volatility"] == 0.0
    assert result.undefined["profit_factor"] == "no trades"
    assert result.undefined["sharpe"] == "daily returns do not vary"
    assert result.undefined["calmar"] == "no drawdown"


def test_a_run_without_bars_has_every_metric(make_trades: Maker, make_equity: Maker) -> None:
    result = performance(make_trades([]), make_equity([]), capital=1000.0, timeframe_ns=DAY, benchmark=None)
    assert set(result.metrics) == ONE_FIGURE | BREAKDOWNS
    assert result.metrics["final_equity"] == 1000.0
    assert result.metrics["total_return"] == 0.0
    assert result.metrics["max_drawdown_duration_days"] == 0.0
    assert result.metrics["by_month"] == {}
    assert result.undefined["exposure_time"] == "no bars"
    assert result.undefined["buy_and_hold_return"] == "no tradable bar to buy at"


def test_ruin_leaves_no_return_to_measure(make_trades: Maker, make_equity: Maker) -> None:
    month = 31 * DAY
    curve = make_equity([500.0, -10.0, -10.0], times=[0, DAY, month])
    result = performance(make_trades([]), curve, capital=1000.0, timeframe_ns=DAY, benchmark=0.0)
    assert result.metrics["total_return"] == pytest.approx(-1.01)
    assert result.metrics["cagr"] == -1.0
    assert result.metrics["max_drawdown"] == pytest.approx(1.01)
    assert result.undefined["sharpe"] == "the account was ruined on 1970-01-02"
    assert result.metrics["by_month"]["1970-02"]["total_return"] is None
    assert result.undefined["by_month.1970-02.total_return"] == "the month started without equity"


def test_numbers_that_overflow_are_undefined(make_trades: Maker, make_equity: Maker) -> None:
    rows = [{"net_pnl": 4.0, "risk": 1e-308}]  # 4e308 R
    result = performance(make_trades(rows), make_equity([1e-200, 1.0]), capital=1.0, timeframe_ns=DAY, benchmark=None)
    assert result.undefined["expectancy"] == "beyond the range of floating-point numbers"
    assert result.undefined["volatility"] == "beyond the range of floating-point numbers"


def test_buy_and_hold_puts_equal_amounts_into_each() -> None:
    # 100 -> 150 is +50 %, 10 -> 8 is -20 %: mean +15 %
    assert buy_and_hold([100.0, 10.0], [150.0, 8.0]) == pytest.approx(0.15)
    assert buy_and_hold([], []) is None


money = st.floats(-1e6, 1e6, allow_subnormal=False)
row = st.fixed_dictionaries(
    {
        "net_pnl": money,
        "fees": st.floats(0, 1e3),
        "risk": st.floats(0, 1e4),
        "quantity": st.floats(0, 1e6),
        "symbol": st.sampled_from(["BTC/USDT", "ETH/USDT"]),
        "exit_reason": st.sampled_from(["stop", "target", "signal"]),
        "exit_time": st.integers(0, 400).map(lambda day: day * DAY),
    }
)


@given(st.lists(row, max_size=12), st.lists(money, max_size=30), st.floats(1, 1e6))
def test_any_run_gives_plain_finite_numbers_or_a_reason(
    make_trades: Maker, make_equity: Maker, rows: list[dict[str, Any]], points: list[float], capital: float
) -> None:
    result = performance(make_trades(rows), make_equity(points), capital=capital, timeframe_ns=DAY, benchmark=None)
    assert_plain(result.metrics)
    assert missing(result.metrics) == set(result.undefined)
    assert all(result.undefined.values())
    json.dumps(result.metrics, allow_nan=False)
    for name in BREAKDOWNS:
        groups = result.metrics[name].values()
        assert sum(group["total_trades"] for group in groups) == len(rows)
        assert sum(group["total_net_pnl"] for group in groups) == pytest.approx(
            result.metrics["total_net_pnl"], abs=1e-6
        )
        assert sum(group["winners"] for group in groups) == result.metrics["winners"]


def test_a_year_of_minutes_takes_milliseconds(make_trades: Maker, make_equity: Maker) -> None:
    # 8 ms on a quiet machine; the bound leaves room for a busy one and still catches a pass over
    # the bars in plain Python (100 ms and more).
    size, minute = 525_600, 60_000_000_000
    generator = np.random.default_rng(7)
    equity = make_equity([])
    equity = {name: np.ones(size) for name in equity} | {"time": np.arange(size, dtype=np.int64) * minute}
    equity["equity"] = 10_000 * np.exp(np.cumsum(generator.normal(0, 1e-4, size)))
    trades = make_trades([{"net_pnl": float(net), "symbol": f"S{net > 0}"} for net in generator.normal(0, 5, 10_000)])
    seconds = []
    for _ in range(5):
        start = time.perf_counter()
        performance(trades, equity, capital=10_000.0, timeframe_ns=minute, benchmark=0.0)
        seconds.append(time.perf_counter() - start)
    assert min(seconds) < 0.05


def test_breakdowns_that_are_made_when_they_are_read_are_the_same(make_trades: Maker, make_equity: Maker) -> None:
    given = {"capital": 1000.0, "timeframe_ns": DAY, "benchmark": None}
    trades = make_trades([{"net_pnl": 50.0, "symbol": "A/USDT"}, {"net_pnl": -20.0, "symbol": "B/USDT"}])
    equity = make_equity([1050.0, 1030.0])
    at_once = performance(trades, equity, **given).metrics
    later = performance(trades, equity, **given, breakdowns_later=True).metrics
    assert numbers(later) == numbers(at_once)
    assert later["by_symbol"]["B/USDT"]["total_net_pnl"] == -20.0
    assert list(later) == list(at_once)
    assert len(later) == len(at_once)
    assert later == at_once
    with pytest.raises(KeyError):
        later["by_hour"]
