"""The reference's own mean-reversion signals and RSI, by hand."""

from __future__ import annotations

import pytest

from .mean_reversion import add_mean_reversion_signals, spread_of, wilder_rsi
from .values import Market

QUICK = {"bb_period": 3, "bb_std": 1.0, "rsi_period": 2, "adx_period": 2, "adx_threshold": 100.0}


def market(closes: list[float]) -> Market:
    high, low = [close + 1 for close in closes], [close - 1 for close in closes]
    volume = [1.0] * len(closes)
    return Market("T/USD", time=list(range(len(closes))), open=closes, high=high, low=low, close=closes, volume=volume)


def test_spread_by_hand() -> None:
    # Mean 10, squares 0 + 4 + 4 over three values.
    assert spread_of([10.0, 12.0, 8.0]) == pytest.approx((10.0, (8 / 3) ** 0.5))


def test_rsi_by_hand() -> None:
    # Gains 1, 0, 2 and losses 0, 1, 0: averages of two 0.5 and 0.5; then (0.5 + 2) / 2 = 1.25 and 0.25.
    assert wilder_rsi([10.0, 11.0, 10.0, 12.0], 2) == [None, None, 50.0, pytest.approx(250 / 3)]


def test_a_touch_is_bought_and_its_mirror_sold_when_asked_for() -> None:
    closes = [10.0, 12.0, 10.0, 12.0, 10.0, 12.0, 8.0]
    made = add_mean_reversion_signals(market(closes), **QUICK)
    assert made.entry == [0, 0, 0, 0, 0, 0, 1]
    width = (8 / 3) ** 0.5
    assert (made.stop[6], made.target[6]) == pytest.approx((10 - 1.5 * width, 10))
    turned = [30 - close for close in closes]
    assert add_mean_reversion_signals(market(turned), **QUICK).entry[6] == 0
    made = add_mean_reversion_signals(market(turned), allow_short=True, **QUICK)
    assert made.entry[6] == -1
    assert (made.stop[6], made.target[6]) == pytest.approx((20 + 1.5 * width, 20))


def test_d077_levels_beyond_the_close_are_written_down() -> None:
    closes = [101.0, 99.0] * 7 + [100.0, 84.0]
    made = add_mean_reversion_signals(market(closes), **(QUICK | {"bb_period": 16, "bb_std": 2.0}))
    assert made.entry[15] == 1
    assert made.stop[15] == pytest.approx(99 - 3 * (254 / 16) ** 0.5)
