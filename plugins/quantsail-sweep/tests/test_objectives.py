"""Objectives, worked by hand, and none where the metric is undefined."""

from __future__ import annotations

import math
from typing import Any

import attrs
import numpy as np
import pytest

from quantsail_framework.domain.result import RunResult
from quantsail_framework.metrics import performance, profit_factor_ln_trades
from quantsail_framework.search.objective import EnoughTrades, ProfitFactorLnTrades
from quantsail_framework.testing.examples import example_result, trades_table
from quantsail_framework.testing.fakes import trade
from quantsail_framework.testing.markets import START_NS
from quantsail_sweep.objectives import Calmar, Expectancy, Sharpe, Sortino, Sqn, TotalReturn

DAY = 86_400_000_000_000


def result(moves: list[float], closes: list[float]) -> RunResult:
    """Trades of one unit that risk 10 each and gain or lose ``moves`` without costs; equity at the closes of days."""
    trades = trades_table(
        [
            trade(
                entry_time=START_NS + number * DAY,
                signal_time=START_NS + number * DAY,
                exit_time=START_NS + number * DAY,
                entry_price=100.0,
                exit_price=100.0 + move,
                quantity=1.0,
                risk=10.0,
                fees=0.0,
                spread=0.0,
                slippage=0.0,
            )
            for number, move in enumerate(moves)
        ]
    )
    equity = np.array(closes)
    curve = {"time": START_NS + np.arange(len(equity)) * DAY, "equity": equity, "cash": equity, "exposure": 0 * equity}
    known = performance(trades, curve, capital=1_000.0, timeframe_ns=DAY, benchmark=None)
    return RunResult("backtest", "made", {"trades": trades, "equity": curve}, known.metrics, known.undefined)


# Three winners of 10, 20 and 30 and a loser of 20: profit factor 3, mean R (1 + 2 + 3 - 2) / 4 = 1.
MIXED = result([10.0, 20.0, -20.0, 30.0], [1_010.0, 1_030.0, 1_010.0, 1_040.0])
RETURNS = np.array([0.01, 20 / 1_010, -20 / 1_030, 30 / 1_010])


def test_profit_factor_ln_trades() -> None:
    assert ProfitFactorLnTrades().score(MIXED) == pytest.approx(3.0 * math.log(4))


def test_expectancy_is_the_mean_r() -> None:
    assert Expectancy().score(MIXED) == pytest.approx(1.0)


def test_sqn_is_root_n_mean_over_deviation() -> None:
    # Mean 10; squared distances 0, 100, 900, 400 over 3.
    assert Sqn().score(MIXED) == pytest.approx(2.0 * 10.0 / math.sqrt(1_400 / 3))


def test_total_return() -> None:
    assert TotalReturn().score(MIXED) == pytest.approx(0.04)


def test_sharpe_and_sortino_of_four_days() -> None:
    periods = math.sqrt(MIXED.metrics["periods_per_year"])
    assert Sharpe().score(MIXED) == pytest.approx(RETURNS.mean() / RETURNS.std(ddof=1) * periods)
    downside = math.sqrt((20 / 1_030) ** 2 / 4)
    assert Sortino().score(MIXED) == pytest.approx(RETURNS.mean() / downside * periods)


def test_calmar_is_growth_over_drawdown() -> None:
    # The curve falls from 1,030 to 1,010.
    assert Calmar().score(MIXED) == pytest.approx(MIXED.metrics["cagr"] / (20 / 1_030))


@pytest.mark.parametrize(("factor", "trades", "score"), [(2.0, 1, 0.0), (0.0, 9, 0.0), (None, 8, 10 * math.log(8))])
def test_the_default_score_at_its_edges(factor: float | None, trades: int, score: float) -> None:
    assert profit_factor_ln_trades(factor, trades) == pytest.approx(score)


def test_d064_without_a_loser_the_score_is_finite_and_without_a_trade_there_is_none() -> None:
    assert ProfitFactorLnTrades().score(result([10.0, 20.0], [1_010.0, 1_030.0])) == pytest.approx(10 * math.log(2))
    assert ProfitFactorLnTrades().score(result([0.0, 0.0], [1_000.0, 1_000.0])) is None
    assert ProfitFactorLnTrades().score(result([], [1_000.0])) is None
    assert profit_factor_ln_trades(None, 0) is None


@pytest.mark.parametrize("objective", [Sharpe(), Sortino(), Calmar(), Expectancy(), Sqn()])
def test_what_is_undefined_has_no_score(objective: Any) -> None:
    assert objective.score(result([], [1_000.0])) is None


@attrs.frozen
class Trades:
    def score(self, result: RunResult) -> float:
        return float(result.metrics["total_trades"])


@pytest.mark.parametrize(("trades", "score"), [(7, None), (8, 8.0), (9, 9.0)])
def test_too_few_trades_have_no_score(trades: int, score: float | None) -> None:
    assert EnoughTrades(Trades(), 8).score(example_result(trades)) == score
