"""``fixed-notional``, ``volatility-target`` and ``kelly-fraction``: numbers worked by hand, pandas, and the edges."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantsail_framework import SHORT, Bars, Instrument, Sizing, Timeframe
from quantsail_framework.testing import markets
from quantsail_framework.testing.fakes import FakeMarket, FakePortfolio, signal, trade
from quantsail_sizing.fixed_notional import FixedNotional
from quantsail_sizing.kelly_fraction import KellyFraction, kelly_share
from quantsail_sizing.volatility_target import VolatilityTarget, yearly_volatility

WALK = FakeMarket(markets.random_walk(0, 200))
DAY_NS = 86_400_000_000_000
INSTRUMENT = Instrument("TEST/USDT")


def size(sizer: Any, account: FakePortfolio | None = None, market: FakeMarket = WALK, **asked: Any) -> Sizing:
    sizing: Sizing = sizer.size(signal(**asked), INSTRUMENT, account or FakePortfolio(), market)
    return sizing


# -- fixed-notional


def test_fixed_notional_buys_the_same_amount_at_any_price_and_stop() -> None:
    sizer = FixedNotional(notional=500.0)
    assert size(sizer) == Sizing(5.0, "notional")
    assert size(sizer, price=50.0, stop=49.0, target=60.0) == Sizing(10.0, "notional")
    assert size(sizer, price=50.0, stop=75.0, target=40.0, side=SHORT) == Sizing(10.0, "notional")


def test_fixed_notional_does_not_follow_the_equity() -> None:
    assert size(FixedNotional(notional=500.0), FakePortfolio(equity=600.0, available=1e6)) == Sizing(5.0, "notional")


@pytest.mark.parametrize("notional", [0.0, -1.0, math.nan, math.inf])
def test_the_notional_must_be_an_amount(notional: float) -> None:
    with pytest.raises(ValueError, match="'notional' must be"):
        FixedNotional(notional=notional)


# -- volatility-target


def daily(closes: Sequence[float], days: Sequence[int] | None = None) -> Bars:
    close = np.array(closes, np.float64)
    times = np.array(days if days is not None else range(len(close))) * DAY_NS
    return Bars("TEST/USDT", Timeframe("1d"), times, close, close, close, close, np.ones(len(close)))


SWING = [100.0, 101.0, 99.99, 100.9899]  # +1 %, -1 %, +1 %


def test_volatility_target_by_hand() -> None:
    # Mean 1/3 %, deviations 2/3, -4/3, 2/3 %: squares sum to 24/9, over 2 is 4/3: 1.1547 % a day.
    # Times sqrt(365.25) is 22.068 % a year; 5 % of 10,000 is 500: 500 / 0.22068 = 2,265.7 of notional, at 100.
    sizing = size(VolatilityTarget(target_volatility_pct=5.0, window=3), market=FakeMarket(daily(SWING)))
    assert sizing.quantity == pytest.approx(500.0 / (0.01 * math.sqrt(4 / 3) * math.sqrt(365.25)) / 100.0)
    assert sizing == Sizing(pytest.approx(22.657, abs=1e-3), "volatility")


def test_nights_and_weekends_count_as_time() -> None:
    """The same three returns in five days, as over a weekend: fewer of them a year."""
    together, apart = yearly_volatility(daily(SWING)), yearly_volatility(daily(SWING, [0, 1, 4, 5]))
    assert together / apart == pytest.approx(math.sqrt(5 / 3))


def test_volatility_a_year_equals_pandas() -> None:
    bars = markets.crash(3, 400)
    returns = pd.Series(bars.close).pct_change()
    assert yearly_volatility(bars) == pytest.approx(returns.std() * math.sqrt(365.25 * 288))


def test_twice_the_volatility_is_half_the_size() -> None:
    calm, wild = [100.0, 101.0, 100.0, 101.0], [100.0, 102.0, 100.0, 102.0]
    sizer = VolatilityTarget(target_volatility_pct=1.0, window=3)
    sizes = [size(sizer, market=FakeMarket(daily(closes))).quantity for closes in (calm, wild)]
    assert sizes[0] / sizes[1] == pytest.approx(2.0, rel=0.02)


def test_only_the_window_counts_and_it_must_be_full() -> None:
    sizer = VolatilityTarget(window=3)
    assert sizer.warmup == 3
    assert size(sizer, market=FakeMarket(daily([5.0, 900.0, *SWING]))) == size(sizer, market=FakeMarket(daily(SWING)))
    assert size(sizer, market=FakeMarket(daily(SWING[:3]))) == Sizing(0.0, "not_ready")


def test_a_price_that_stood_still_has_no_size() -> None:
    assert size(VolatilityTarget(window=3), market=FakeMarket(daily([100.0] * 4))) == Sizing(0.0, "volatility")


# -- kelly-fraction


def account(*results: float, risk: float = 10.0, **figures: Any) -> FakePortfolio:
    """Trades that ended so, in units of what they risked."""
    return FakePortfolio(trades=[trade(net_pnl=result * risk, risk=risk) for result in results], **figures)


def test_kelly_by_hand() -> None:
    # Wins of 2 and 1 (mean 1.5), losses of 1 and 1 (mean 1), half each: 0.5 / 1 - 0.5 / 1.5 = 1/6.
    assert kelly_share([2.0, -1.0, 1.0, -1.0]) == pytest.approx(1 / 6)
    # The classic even-money bet, p = 0.6: 2 p - 1 = 0.2.
    assert kelly_share([1.0, 1.0, 1.0, -1.0, -1.0]) == pytest.approx(0.2)
    # A tenth of 1/6 of 10,000 is 166.67 to risk, at 5 a unit.
    sizer = KellyFraction(fraction=0.1, min_trades=4, max_position_pct_equity=100.0)
    assert size(sizer, account(2.0, -1.0, 1.0, -1.0)) == Sizing(pytest.approx(10_000.0 / 60.0 / 5.0), "kelly")


def test_results_count_in_units_of_what_was_risked() -> None:
    small = [trade(net_pnl=20.0, risk=10.0), trade(net_pnl=-10.0, risk=10.0)]
    large = [trade(net_pnl=2_000.0, risk=1_000.0), trade(net_pnl=-10.0, risk=10.0)]
    sizer = KellyFraction(fraction=0.01, min_trades=2)
    assert size(sizer, FakePortfolio(trades=small)) == size(sizer, FakePortfolio(trades=large))


def test_the_risk_is_capped() -> None:
    # Half of 1/6 is 8.3 %, the cap 2 % of 10,000 = 200, at 5 a unit.
    sizer = KellyFraction(min_trades=4, max_position_pct_equity=100.0)
    assert size(sizer, account(2.0, -1.0, 1.0, -1.0)) == Sizing(40.0, "risk")
    assert size(sizer, account(1.0, 1.0, 1.0, 1.0)) == Sizing(40.0, "risk")  # no loser yet: as much as allowed


def test_the_fallback_applies_up_to_the_minimum_sample() -> None:
    # 0.5 % of 10,000 = 50, at 5 a unit.
    sizer = KellyFraction(min_trades=4, max_position_pct_equity=100.0)
    assert size(sizer, account()) == Sizing(10.0, "fallback")
    assert size(sizer, account(2.0, -1.0, 1.0)) == Sizing(10.0, "fallback")
    assert size(sizer, account(2.0, -1.0, 1.0, -1.0)).bound_by == "risk"


@pytest.mark.parametrize("results", [(1.0, -1.0), (-1.0, -1.0), (0.5, -1.0), (0.0, 0.0)])
def test_without_an_edge_there_is_no_trade(results: tuple[float, float]) -> None:
    assert size(KellyFraction(min_trades=2), account(*results)) == Sizing(0.0, "kelly")


def test_only_the_latest_trades_of_the_window_count() -> None:
    sizer = KellyFraction(window=4, min_trades=4, fraction=0.1)
    assert size(sizer, account(*[-1.0] * 50, 2.0, -1.0, 1.0, -1.0)) == size(sizer, account(2.0, -1.0, 1.0, -1.0))


def test_break_even_trades_count_for_the_sample_only() -> None:
    assert kelly_share([2.0, 0.0, -1.0, 0.0, 1.0, -1.0]) == pytest.approx(1 / 6)
    assert size(KellyFraction(min_trades=3), account(0.0, 2.0, 0.0)).bound_by != "fallback"


@given(st.lists(st.sampled_from([2.0, 1.0, 0.5, -0.5, -1.0, -1.5]), min_size=2, max_size=30))
def test_no_other_share_grows_faster(results: list[float]) -> None:
    """For one size of win and one of loss the share found maximises the mean log growth."""
    wins, losses = [r for r in results if r > 0], [r for r in results if r < 0]
    if not wins or not losses:
        return
    b, a, p = sum(wins) / len(wins), -sum(losses) / len(losses), len(wins) / len(results)

    def growth(share: float) -> float:
        return p * math.log(1 + b * share) + (1 - p) * math.log(1 - a * share)

    best = kelly_share(results)
    step = 1e-3
    if -1 / b + step < best < 1 / a - step:
        assert growth(best) >= max(growth(best - step), growth(best + step))


def test_the_minimum_sample_fits_the_window() -> None:
    with pytest.raises(ValueError, match=r"min_trades \(30\) must not be above window \(20\)"):
        KellyFraction(window=20)
