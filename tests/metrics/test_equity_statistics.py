"""Curve statistics against numbers worked by hand."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from quantsail_framework.metrics import Undefined
from quantsail_framework.metrics import equity as curve

HOUR = 3_600_000_000_000
DAY = 24 * HOUR
MONDAY = 4  # 1970-01-05, in days

curves = arrays(np.float64, st.integers(1, 60), elements=st.floats(1.0, 1e7))


def at(*moments: str) -> np.ndarray:
    """Open times in nanoseconds from ``"2024-01-31 23:55"`` (UTC)."""
    return np.array(
        [int(datetime.fromisoformat(moment).replace(tzinfo=UTC).timestamp()) * 10**9 for moment in moments],
        dtype=np.int64,
    )


def days(count: int, first: int = MONDAY) -> np.ndarray:
    return (first + np.arange(count, dtype=np.int64)) * DAY


class TestGrowth:
    def test_span_reaches_the_close_of_the_last_bar(self) -> None:
        # opens 00:00 and 23:00, hourly bars: 24 h
        assert curve.span_days(at("2024-01-01 00:00", "2024-01-01 23:00"), HOUR) == 1.0

    def test_doubling_in_half_a_year_is_three_hundred_per_cent_a_year(self) -> None:
        assert curve.cagr(2000.0, 1000.0, 365.25 / 2) == pytest.approx(3.0)  # 2 ** 2 - 1

    def test_growth_over_four_years(self) -> None:
        assert curve.cagr(1464.1, 1000.0, 4 * 365.25) == pytest.approx(0.1)  # 1.1 ** 4 = 1.4641

    def test_no_change_is_zero(self) -> None:
        assert curve.cagr(1000.0, 1000.0, 500.0) == 0.0

    @pytest.mark.parametrize("final", [0.0, -50.0])
    def test_ruin_is_minus_one_whatever_the_debt(self, final: float) -> None:
        assert curve.cagr(final, 1000.0, 365.25) == -1.0

    def test_less_than_a_day_is_not_annualised(self) -> None:
        assert curve.cagr(1010.0, 1000.0, 0.25) == Undefined("the run spans 6.0 hours, too short to annualise")

    def test_growth_beyond_all_numbers_is_not_a_number(self) -> None:
        assert curve.cagr(1e9, 1.0, 1.0) == Undefined("too large to annualise")  # 10 ** (9 * 365.25)


class TestDailyReturns:
    def test_last_point_of_each_day_counts_and_the_first_starts_from_capital(self) -> None:
        # Day 1 ends at 1100 (from 1000: +10 %), day 2 at 1045 (-5 %). A bar that opens 23:00 and
        # closes at midnight belongs to the day of its open.
        time = at("2024-01-01 00:00", "2024-01-01 23:00", "2024-01-02 00:00", "2024-01-02 12:00")
        returns = curve.daily_returns(time, np.array([900.0, 1100.0, 1200.0, 1045.0]), 1000.0)
        assert returns == pytest.approx([0.1, -0.05])

    def test_days_without_bars_are_skipped(self) -> None:
        friday_and_monday = at("2024-01-05 12:00", "2024-01-08 12:00")
        assert curve.daily_returns(friday_and_monday, np.array([1000.0, 1010.0]), 1000.0) == pytest.approx([0.0, 0.01])

    @pytest.mark.parametrize("fixed", [True, False])
    def test_those_of_other_times_are_others(self, fixed: bool) -> None:
        time, equity = days(3), np.array([1000.0, 1100.0, 1210.0])
        time.flags.writeable = not fixed
        for _ in range(2):
            assert curve.daily_returns(time, equity, 1000.0) == pytest.approx([0.0, 0.1, 0.1])
        if fixed:
            time = time.copy()
        time[1] = time[0] + 1  # now two points of the first day
        assert curve.daily_returns(time, equity, 1000.0) == pytest.approx([0.1, 0.1])

    def test_after_ruin_there_are_no_returns(self) -> None:
        time = days(3)
        assert curve.daily_returns(time, np.array([500.0, -1.0, -1.0]), 1000.0) == Undefined(
            "the account was ruined on 1970-01-06"
        )

    def test_ruin_on_the_last_day_is_a_return(self) -> None:
        assert curve.daily_returns(days(2), np.array([500.0, -50.0]), 1000.0) == pytest.approx([-0.5, -1.1])

    @given(
        st.lists(st.integers(0, 3 * 365 * 24), min_size=1, max_size=80, unique=True),
        st.integers(-30, 30),
    )
    def test_compounded_they_are_the_whole_return(self, hours: list[int], shift: int) -> None:
        time = (np.array(sorted(hours), dtype=np.int64) + shift * 24) * HOUR
        equity = 1000.0 + np.arange(len(hours)) * 3.0
        returns = curve.daily_returns(time, equity, 1000.0)
        assert isinstance(returns, np.ndarray)
        assert len(returns) == len({t // DAY for t in time.tolist()})
        assert np.prod(1 + returns) == pytest.approx(equity[-1] / 1000.0)


class TestYear:
    def test_weekday_bars_make_252(self) -> None:
        assert curve.periods_per_year(days(5), DAY) == 252.0

    @pytest.mark.parametrize("moment", ["2024-01-06 10:00", "2024-01-07 22:00"])
    def test_one_weekend_bar_makes_365(self, moment: str) -> None:
        assert curve.periods_per_year(at("2024-01-05 10:00", moment), HOUR) == 365.0

    def test_weekly_bars_have_a_return_a_week(self) -> None:
        assert curve.periods_per_year(days(1), 7 * DAY) == pytest.approx(365.25 / 7)


class TestRatios:
    # mean 0.01; deviations 0.01, -0.03, 0.02; squares 0.0001 + 0.0009 + 0.0004 = 0.0014; / 2 = 0.0007
    returns = np.array([0.02, -0.02, 0.03])

    def test_volatility_is_the_annual_sample_deviation(self) -> None:
        assert curve.volatility(self.returns, 252.0) == pytest.approx(math.sqrt(0.0007 * 252))

    def test_sharpe(self) -> None:
        assert curve.sharpe(self.returns, 252.0) == pytest.approx(0.01 / math.sqrt(0.0007) * math.sqrt(252))

    def test_sortino_averages_the_squared_losses_over_all_days(self) -> None:
        # one loss of 0.02 in three days: sqrt(0.0004 / 3)
        assert curve.sortino(self.returns, 365.0) == pytest.approx(0.01 / math.sqrt(0.0004 / 3) * math.sqrt(365))

    def test_a_flat_curve_has_no_volatility_and_no_ratios(self) -> None:
        flat = np.zeros(10)
        assert curve.volatility(flat, 252.0) == 0.0
        assert curve.sharpe(flat, 252.0) == Undefined("daily returns do not vary")
        assert curve.sortino(flat, 252.0) == Undefined("no day lost money")

    def test_rounding_is_not_variance(self) -> None:
        steady = np.full(30, 0.001) + np.array([0.0, 1e-17] * 15)
        assert curve.sharpe(steady, 252.0) == Undefined("daily returns do not vary")

    def test_one_day_is_not_enough(self) -> None:
        for statistic in (curve.volatility, curve.sharpe, curve.sortino):
            assert statistic(np.array([0.01]), 252.0) == Undefined("fewer than two days")


class TestDrawdown:
    def test_depth_is_a_positive_fraction_of_the_peak(self) -> None:
        # peak 1200, trough 900: 1 - 900 / 1200
        assert curve.max_drawdown(curve.drawdowns(np.array([1100.0, 1200.0, 900.0, 1300.0]), 1000.0)) == 0.25

    def test_the_peak_starts_at_capital(self) -> None:
        assert curve.max_drawdown(curve.drawdowns(np.array([800.0, 900.0]), 1000.0)) == pytest.approx(0.2)

    def test_debt_is_deeper_than_one(self) -> None:
        assert curve.max_drawdown(curve.drawdowns(np.array([-100.0]), 1000.0)) == pytest.approx(1.1)

    def test_longest_is_from_peak_to_recovery(self) -> None:
        # Peak at the close of bar 1; bars 2 to 4 below; bar 5 back at the peak: 4 daily closes later.
        equity = np.array([1000.0, 1200.0, 1100.0, 1150.0, 1190.0, 1200.0, 1199.0, 1300.0])
        drawdown = curve.drawdowns(equity, 1000.0)
        assert curve.max_drawdown_duration_days(days(8), drawdown, DAY) == 4.0

    def test_a_drawdown_from_the_start_counts_from_the_first_open(self) -> None:
        # Capital 1000 at the open of day 0, back at the close of day 2.
        drawdown = curve.drawdowns(np.array([900.0, 950.0, 1000.0]), 1000.0)
        assert curve.max_drawdown_duration_days(days(3), drawdown, DAY) == 3.0

    def test_an_unrecovered_drawdown_counts_to_the_last_close(self) -> None:
        # Peak at the close of bar 0, then two bars and a gap of a week before the third.
        time = np.append(days(3), days(1) + 9 * DAY)
        drawdown = curve.drawdowns(np.array([1100.0, 1000.0, 1050.0, 1090.0]), 1000.0)
        assert curve.max_drawdown_duration_days(time, drawdown, DAY) == 9.0

    def test_rounding_is_not_a_drawdown(self) -> None:
        drawdown = curve.drawdowns(np.array([1000.0, 1000.0 - 1e-12, 1000.0 - 1e-12]), 1000.0)
        assert curve.max_drawdown(drawdown) == 0.0
        assert curve.max_drawdown_duration_days(days(3), drawdown, DAY) == 0.0

    def test_a_rising_curve_has_none(self) -> None:
        drawdown = curve.drawdowns(np.array([1000.0, 1001.0]), 1000.0)
        assert curve.max_drawdown(drawdown) == 0.0
        assert curve.max_drawdown_duration_days(days(2), drawdown, DAY) == 0.0

    @given(curves, st.floats(1.0, 1e7))
    def test_matches_its_definition_point_by_point(self, equity: np.ndarray, capital: float) -> None:
        peak, deepest, since, longest = capital, 0.0, 0.0, 0.0
        for close, value in enumerate(equity.tolist(), start=1):
            if value < peak * (1 - 1e-12):
                deepest = max(deepest, 1 - value / peak)
                longest = max(longest, close - since)
                continue
            if since < close - 1:
                longest = max(longest, close - since)
            peak, since = max(peak, value), float(close)
        drawdown = curve.drawdowns(equity, capital)
        assert curve.max_drawdown(drawdown) == pytest.approx(deepest, abs=1e-11)
        assert 0 <= curve.max_drawdown(drawdown) < 1
        assert curve.max_drawdown_duration_days(days(equity.size), drawdown, DAY) == longest

    @given(curves, st.lists(st.integers(1, 4), min_size=40, max_size=40), st.floats(1.0, 1e7))
    def test_bends_tell_as_much_as_every_point(self, equity: np.ndarray, stays: list[int], capital: float) -> None:
        points = np.repeat(equity, np.resize(stays, equity.size))
        time, kept = days(points.size), curve.bends(points)
        whole, part = curve.drawdowns(points, capital), curve.drawdowns(points[kept], capital)
        assert curve.max_drawdown(part) == curve.max_drawdown(whole)
        told = curve.max_drawdown_duration_days(time[kept], part, DAY)
        assert told == curve.max_drawdown_duration_days(time, whole, DAY)

    def test_bends_are_the_ends_of_each_stretch_that_stays(self) -> None:
        assert curve.bends(np.array([1.0, 1.0, 1.0, 2.0, 2.0, 3.0, 3.0, 3.0])).tolist() == [0, 2, 3, 4, 5, 7]


def test_calmar_is_growth_over_drawdown() -> None:
    assert curve.calmar(0.3, 0.15) == pytest.approx(2.0)
    assert curve.calmar(0.3, 0.0) == Undefined("no drawdown")
    assert curve.calmar(Undefined("too short"), 0.15) == Undefined("too short")


def test_exposure_time_counts_bars_with_a_position_at_the_close() -> None:
    assert curve.exposure_time(np.array([0.0, 50.0, 60.0, 0.0])) == 0.5
    assert curve.exposure_time(np.array([])) == Undefined("no bars")
