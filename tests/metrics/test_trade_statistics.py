"""Trade statistics against numbers worked by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from quantsail_framework.metrics import Undefined
from quantsail_framework.metrics import trades as ledger

HOUR = 3_600_000_000_000
NONE = np.array([])
FIVE = np.array([10.0, -5.0, 0.0, 20.0, -5.0])

amounts = st.floats(-1e9, 1e9, allow_subnormal=False)
nets = arrays(np.float64, st.integers(0, 40), elements=amounts)


def test_break_even_trades_are_neither_winners_nor_losers_but_count() -> None:
    assert ledger.win_rate(FIVE) == 0.4  # 2 of 5


def test_profit_factor() -> None:
    assert ledger.profit_factor(FIVE) == 3.0  # (10 + 20) / (5 + 5)


def test_profit_factor_without_winners_is_zero() -> None:
    assert ledger.profit_factor(np.array([-1.0, -2.0])) == 0.0


def test_d046_all_winners_have_no_profit_factor_and_a_reason() -> None:
    assert ledger.profit_factor(np.array([1.0, 2.0])) == Undefined("no losing trade")


def test_d046_losers_of_exactly_zero_divide_nothing() -> None:
    assert ledger.profit_factor(np.array([1.0, 0.0, 0.0])) == Undefined("no losing trade")
    assert ledger.win_rate(np.array([1.0, 0.0, 0.0])) == pytest.approx(1 / 3)


def test_average_best_and_worst() -> None:
    assert ledger.average_trade(FIVE) == 4.0  # 20 / 5
    assert ledger.best_trade(FIVE) == 20.0
    assert ledger.worst_trade(FIVE) == -5.0


def test_expectancy_is_the_mean_r_multiple() -> None:
    # 10/5 = 2 R, -5/5 = -1 R, 3/2 = 1.5 R: (2 - 1 + 1.5) / 3
    assert ledger.expectancy(np.array([10.0, -5.0, 3.0]), np.array([5.0, 5.0, 2.0])) == pytest.approx(2.5 / 3)


def test_expectancy_needs_a_risk_in_every_trade() -> None:
    assert ledger.expectancy(np.array([1.0, 1.0]), np.array([1.0, 0.0])) == Undefined(
        "a trade without risk has no R multiple"
    )


def test_sqn() -> None:
    # mean 2, deviations -1, 0, 1, sample deviation 1: sqrt(3) * 2 / 1
    assert ledger.sqn(np.array([1.0, 2.0, 3.0])) == pytest.approx(2 * math.sqrt(3))


@pytest.mark.parametrize("equal", [np.array([7.0, 7.0, 7.0]), np.zeros(4), np.full(3, 0.1)])
def test_sqn_of_equal_trades_is_undefined(equal: np.ndarray) -> None:
    assert ledger.sqn(equal) == Undefined("all trades earned the same")


def test_sqn_needs_two_trades() -> None:
    assert ledger.sqn(np.array([1.0])) == Undefined("fewer than two trades")


def test_holding_counts_the_exit_bar_unless_the_exit_was_at_its_open() -> None:
    # Hourly bars. Stop inside the entry bar: 1 h. Signal exit at the open two bars later: 2 h.
    # End of data at the close of the next bar: 2 h. Mean 5/3 h.
    entry = np.array([0, 0, 0], dtype=np.int64)
    leave = np.array([0, 2, 1], dtype=np.int64) * HOUR
    reasons = np.array(["stop", "signal", "end_of_data"], dtype=object)
    assert ledger.average_holding_hours(entry, leave, reasons, HOUR) == pytest.approx(5 / 3)


@pytest.mark.parametrize("reason", ["signal", "time", "flatten"])
def test_exits_at_the_open_do_not_count_their_bar(reason: str) -> None:
    one = np.array([3 * HOUR], dtype=np.int64)
    assert ledger.average_holding_hours(one - 3 * HOUR, one, np.array([reason], dtype=object), HOUR) == 3.0


def test_turnover_is_both_sides_over_mean_equity() -> None:
    # bought 100 + 200, sold 110 + 190, mean equity (1000 + 1200) / 2 = 1100: 600 / 1100
    turned = ledger.turnover(np.array([100.0, 200.0]), np.array([110.0, 190.0]), np.array([1000.0, 1200.0]))
    assert turned == pytest.approx(600 / 1100)


def test_turnover_without_positive_mean_equity_is_undefined() -> None:
    assert ledger.turnover(NONE, NONE, np.array([-1.0, 1.0])) == Undefined("mean equity is not above zero")


def test_without_trades_every_mean_is_undefined() -> None:
    none = Undefined("no trades")
    for statistic in (
        ledger.win_rate,
        ledger.profit_factor,
        ledger.average_trade,
        ledger.best_trade,
        ledger.worst_trade,
    ):
        assert statistic(NONE) == none
    assert ledger.expectancy(NONE, NONE) == none
    assert ledger.turnover(NONE, NONE, np.array([1000.0])) == 0.0


@given(nets)
def test_ratios_stay_in_their_bounds(net: np.ndarray) -> None:
    rate, factor = ledger.win_rate(net), ledger.profit_factor(net)
    assert isinstance(rate, Undefined) or 0 <= rate <= 1
    assert isinstance(factor, Undefined) or (math.isfinite(factor) and factor >= 0)
    worst, mean, best = ledger.worst_trade(net), ledger.average_trade(net), ledger.best_trade(net)
    if not isinstance(mean, Undefined):
        assert isinstance(worst, float)
        assert isinstance(best, float)
        rounding = 1e-9 * (abs(worst) + abs(best))
        assert worst - rounding <= mean <= best + rounding


@given(nets, st.floats(1e-3, 1e3))
def test_sqn_and_profit_factor_do_not_depend_on_the_currency(net: np.ndarray, rate: float) -> None:
    for statistic in (ledger.sqn, ledger.profit_factor):
        before, after = statistic(net), statistic(net * rate)
        if isinstance(before, Undefined) or isinstance(after, Undefined):
            continue
        assert after == pytest.approx(before, rel=1e-4, abs=1e-9)
