"""What fills cost: numbers worked by hand, the percentile of volatility, and the seed's defects."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantsail_binance.costs import BinanceSpotCosts
from quantsail_binance.schedules import SCHEDULES
from quantsail_framework import LONG, SHORT, Bars, Costs, indicators
from quantsail_framework.domain.order import Liquidity
from quantsail_framework.testing import markets
from quantsail_framework.testing.fakes import FakeMarket

MARKET = FakeMarket(markets.random_walk(0, 10))


def taker(model: BinanceSpotCosts, notional: float, price: float = 50.0) -> Costs:
    return model.costs(LONG, notional / price, price, "taker", MARKET)


def maker(model: BinanceSpotCosts, notional: float, price: float = 50.0) -> Costs:
    return model.costs(SHORT, notional / price, price, "maker", MARKET)


def test_a_taker_fill_of_200() -> None:
    # Fee 10 bps * 0.75 = 7.5 bps of 200 = 0.15; half of 2 bps = 0.02; slippage 2 bps * (0.5 + 0.5) = 0.04.
    costs = taker(BinanceSpotCosts(), 200.0)
    assert (costs.fee, costs.spread, costs.slippage) == pytest.approx((0.15, 0.02, 0.04))
    assert costs.total == pytest.approx(0.21)


def test_a_maker_fill_pays_its_fee_only() -> None:
    assert tuple(maker(BinanceSpotCosts(), 200.0)) == pytest.approx((0.15, 0.0, 0.0))


@pytest.mark.parametrize("level, maker_bps, taker_bps", [(0, 10, 10), (1, 9, 10), (2, 8, 10), (3, 7, 9), (4, 7, 9)])
def test_fees_by_vip_level(level: int, maker_bps: float, taker_bps: float) -> None:
    plain = BinanceSpotCosts(vip_level=level, pay_in_bnb=False)
    # One basis point of 10,000 is 1.
    assert taker(plain, 10_000.0).fee == pytest.approx(taker_bps)
    assert maker(plain, 10_000.0).fee == pytest.approx(maker_bps)


def test_d097_the_discount_is_an_option() -> None:
    # 10 bps of 10,000 is 10; a quarter less is 7.5.
    assert taker(BinanceSpotCosts(pay_in_bnb=False), 10_000.0).fee == pytest.approx(10.0)
    assert taker(BinanceSpotCosts(pay_in_bnb=True), 10_000.0).fee == pytest.approx(7.5)


@pytest.mark.parametrize("level", [5, 9, -1])
def test_d095_an_unknown_level_is_refused_when_built(level: int) -> None:
    with pytest.raises(ValueError, match=f"vip_level {level} is not in schedule '2026-02', which knows 0 to 4"):
        BinanceSpotCosts(vip_level=level)


def test_d096_schedules_are_dated_and_name_their_source() -> None:
    for month, schedule in SCHEDULES.items():
        assert len(month) == 7
        assert schedule.source
        assert len(schedule.maker_bps) == len(schedule.taker_bps) == schedule.levels
    with pytest.raises(ValueError, match="schedule '2018-07' is not known; known: 2026-02"):
        BinanceSpotCosts(schedule="2018-07", vip_level=9)


@pytest.mark.parametrize("quantity", [-1.0, math.nan, math.inf, 1.0])
@pytest.mark.parametrize("price", [-100.0, math.nan, math.inf])
def test_d098_what_is_no_size_or_price_is_refused(quantity: float, price: float) -> None:
    model = BinanceSpotCosts()
    for liquidity in ("taker", "maker"):
        with pytest.raises(ValueError, match="must be finite and not negative"):
            model.costs(LONG, quantity, price, liquidity, MARKET)
        if quantity != 1.0:
            with pytest.raises(ValueError, match="must be finite and not negative"):
                model.costs(LONG, quantity, 100.0, liquidity, MARKET)


@pytest.mark.parametrize(
    "notional, bps", [(99.99, 1), (100, 2), (499.99, 2), (500, 3), (999.99, 3), (1_000, 5), (10_000_000, 5)]
)
def test_d099_slippage_by_size(notional: float, bps: float) -> None:
    assert taker(BinanceSpotCosts(), notional, price=1.0).slippage == pytest.approx(notional * bps / 10_000)


def test_the_stepped_slippage_can_be_left_to_another_model() -> None:
    assert tuple(taker(BinanceSpotCosts(stepped_slippage=False), 200.0)) == pytest.approx((0.15, 0.02, 0.0))


def test_d100_a_round_trip_pays_one_spread() -> None:
    # Two taker fills of 200: 2 * (7.5 + 1 + 2) = 21 bps of 200 = 0.42, of which the spread is 2 bps = 0.04.
    model = BinanceSpotCosts()
    legs = [model.costs(side, 4.0, 50.0, "taker", MARKET) for side in (LONG, SHORT)]
    assert sum(leg.spread for leg in legs) == pytest.approx(0.04)
    assert sum(leg.total for leg in legs) == pytest.approx(0.42)
    assert taker(BinanceSpotCosts(spread_bps=10.0), 200.0).spread == pytest.approx(0.1)


@pytest.mark.parametrize("spread", [-1.0, math.nan, 10_000.0])
def test_spread_must_be_possible(spread: float) -> None:
    with pytest.raises(ValueError, match="'spread_bps' must be"):
        BinanceSpotCosts(spread_bps=spread)


def market_after(bars: Bars, row: int, model: BinanceSpotCosts) -> FakeMarket:
    return FakeMarket(bars, int(bars.time[row]) + bars.timeframe.ns, costs=model)


def test_slippage_follows_the_percentile_of_volatility() -> None:
    bars = markets.random_walk(4, 400)
    volatility = indicators.atr(bars, 14) / bars.close
    row = 300
    model = BinanceSpotCosts(volatility_window=10)
    share = sum(volatility[row - k] <= volatility[row] for k in range(10)) / 10
    costs = model.costs(LONG, 4.0, 50.0, "taker", market_after(bars, row, model))
    assert costs.slippage == pytest.approx(200.0 * 2e-4 * (0.5 + share))
    assert (costs.fee, costs.spread) == pytest.approx((0.15, 0.02))


def test_percentiles_equal_pandas_rank() -> None:
    bars = markets.crash(1, 1_500)
    shares = BinanceSpotCosts(volatility_window=250).prepare(bars)
    volatility = pd.Series(indicators.atr(bars, 14) / bars.close)
    np.testing.assert_allclose(shares, volatility.rolling(250).rank(method="max", pct=True))
    assert np.flatnonzero(~np.isnan(shares))[0] == 14 + 250 - 1  # ATR(14) begins at 14, the window is full 249 later


def test_the_middle_is_taken_where_there_is_no_percentile() -> None:
    bars = markets.random_walk(4, 400)
    model = BinanceSpotCosts(volatility_window=100)
    early = model.costs(LONG, 4.0, 50.0, "taker", market_after(bars, 50, model))
    assert early.slippage == pytest.approx(0.04)
    assert model.costs(LONG, 4.0, 50.0, "taker", FakeMarket(bars)).slippage == pytest.approx(0.04)
    assert np.isnan(model.prepare(markets.random_walk(4, 20))).all()
    assert BinanceSpotCosts().prepare(bars).tolist() == [0.5] * 400


def test_warmup_is_that_of_the_percentile() -> None:
    assert BinanceSpotCosts().warmup == 0
    # ATR(14) has settled after 356 bars; 100 such values need 99 more.
    assert BinanceSpotCosts(volatility_window=100).warmup == 356 + 99


@given(st.floats(0.0, 1e9), st.floats(1e-9, 1e6), st.sampled_from(["taker", "maker"]), st.integers(0, 4))
def test_costs_are_finite_and_a_maker_never_pays_more(
    quantity: float, price: float, liquidity: Liquidity, level: int
) -> None:
    model = BinanceSpotCosts(vip_level=level)
    costs = model.costs(LONG, quantity, price, liquidity, MARKET)
    assert all(math.isfinite(part) and part >= 0.0 for part in costs)
    assert model.costs(LONG, quantity, price, "maker", MARKET).total <= costs.total
    assert costs == model.costs(SHORT, quantity, price, liquidity, MARKET)
