"""Slippage by share of the volume: numbers worked by hand, pandas, the law's scaling, and volumes of zero."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantsail_costs.volume_slippage import VolumeSlippageCosts
from quantsail_framework import LONG, SHORT, Bars, Costs, Timeframe
from quantsail_framework.testing import markets
from quantsail_framework.testing.fakes import FakeMarket

MODEL = VolumeSlippageCosts(window=2)


def bars(closes: Sequence[float], volumes: Sequence[float], timeframe: str = "1h") -> Bars:
    length = Timeframe(timeframe)
    close = np.array(closes, np.float64)
    return Bars("A/USD", length, np.arange(len(close)) * length.ns, close, close, close, close, np.array(volumes))


def taker(model: VolumeSlippageCosts, candles: Bars, quantity: float, price: float = 100.0) -> Costs:
    return model.costs(LONG, quantity, price, "taker", FakeMarket(candles, costs=model))


# Returns +10 % and -10 %: mean 0, deviation sqrt(0.02 / 1) = 0.1414; mean volume of the two bars (30 + 50) / 2 = 40.
SWING = bars([100.0, 110.0, 99.0], [7.0, 30.0, 50.0])


def test_a_quarter_of_the_volume_pays_half_a_deviation() -> None:
    # 10 of 40 is a quarter, its root 0.5: 1,000 * 0.141421 * 0.5 = 70.71.
    assert taker(MODEL, SWING, 10.0) == Costs(0.0, 0.0, pytest.approx(1_000.0 * math.sqrt(0.02) * 0.5))
    half = VolumeSlippageCosts(window=2, coefficient=0.5)
    assert taker(half, SWING, 10.0).slippage == pytest.approx(35.3553, abs=1e-4)


def test_fee_and_spread_stand_beside_it() -> None:
    # Of 1,000: 10 bps = 1, half of 4 bps = 0.2. A maker pays the fee only.
    model = VolumeSlippageCosts(window=2, fee_bps=10.0, spread_bps=4.0)
    assert tuple(taker(model, SWING, 10.0)) == pytest.approx((1.0, 0.2, 70.7107), abs=1e-4)
    maker = model.costs(SHORT, 10.0, 100.0, "maker", FakeMarket(SWING, costs=model))
    assert tuple(maker) == pytest.approx((1.0, 0.0, 0.0))


def test_an_order_as_large_as_a_bar_pays_its_whole_deviation() -> None:
    assert taker(MODEL, SWING, 40.0).slippage == pytest.approx(4_000.0 * math.sqrt(0.02))


def test_without_any_volume_the_order_counts_as_a_whole_bar() -> None:
    silent = bars([100.0, 110.0, 99.0], [7.0, 0.0, 0.0])
    assert taker(MODEL, silent, 10.0).slippage == pytest.approx(1_000.0 * math.sqrt(0.02))


def test_a_bar_without_volume_counts_in_the_mean() -> None:
    # (0 + 50) / 2 = 25: a share of 10 / 25 = 0.4.
    quiet = bars([100.0, 110.0, 99.0], [7.0, 0.0, 50.0])
    assert taker(MODEL, quiet, 10.0).slippage == pytest.approx(1_000.0 * math.sqrt(0.02) * math.sqrt(0.4))


def test_a_price_that_stood_still_and_a_history_too_short_have_no_slippage() -> None:
    assert taker(MODEL, bars([100.0] * 3, [1.0] * 3), 10.0).slippage == 0.0
    assert taker(MODEL, bars([100.0, 110.0], [1.0, 1.0]), 10.0).slippage == 0.0
    assert MODEL.warmup == 2


def test_only_the_window_counts() -> None:
    longer = bars([5.0, 900.0, 100.0, 110.0, 99.0], [9e9, 9e9, 9e9, 30.0, 50.0])
    assert taker(MODEL, longer, 10.0) == taker(MODEL, SWING, 10.0)


def test_d099_slippage_grows_with_size_and_never_stops() -> None:
    candles = markets.random_walk(3, 400)
    model = VolumeSlippageCosts()
    shares = [taker(model, candles, quantity).slippage / quantity for quantity in (1.0, 100.0, 10_000.0)]
    # A hundredfold size pays tenfold per unit.
    assert shares[1] == pytest.approx(10.0 * shares[0])
    assert shares[2] == pytest.approx(10.0 * shares[1])


def test_volatility_and_volume_equal_pandas() -> None:
    candles = markets.crash(5, 600)
    prepared = VolumeSlippageCosts(window=60).prepare(candles)
    returns = pd.Series(candles.close).pct_change()
    np.testing.assert_allclose(prepared["volatility"], returns.rolling(60).std(), rtol=1e-9)
    volume = pd.Series(candles.volume).rolling(60).mean()
    volume[:60] = np.nan  # the first return ends with the second bar
    np.testing.assert_allclose(prepared["volume"], volume, rtol=1e-9)


def test_the_law_is_the_same_for_bars_of_any_length() -> None:
    """Four times as long a bar has twice the deviation and four times the volume."""
    short = bars([100.0, 110.0, 99.0], [7.0, 40.0, 40.0])
    deviation = 2.0 * math.sqrt(0.02)
    move = deviation / math.sqrt(2.0)
    long = bars([100.0, 100.0 * (1 + move), 100.0 * (1 + move) * (1 - move)], [7.0, 160.0, 160.0], "4h")
    assert taker(MODEL, long, 10.0).slippage == pytest.approx(taker(MODEL, short, 10.0).slippage)


@pytest.mark.parametrize(
    "options", [{"coefficient": -1.0}, {"window": 1}, {"fee_bps": -1.0}, {"coefficient": math.inf}]
)
def test_options_must_be_possible(options: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(options))):
        VolumeSlippageCosts(**options)  # type: ignore[arg-type]


@given(st.floats(0.0, 1e12), st.floats(1e-9, 1e6))
def test_costs_are_finite_and_not_negative(quantity: float, price: float) -> None:
    costs = taker(VolumeSlippageCosts(window=2, fee_bps=5.0), SWING, quantity, price)
    assert all(math.isfinite(part) and part >= 0.0 for part in costs)
