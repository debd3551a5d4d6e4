"""The reference's own volatility-expansion signals, by hand."""

from __future__ import annotations

import pytest

from .test_mean_reversion import market
from .volatility_expansion import add_volatility_expansion_signals, wilder_average

QUICK = {
    "bb_period": 2,
    "bb_std": 0.5,
    "squeeze_lookback": 3,
    "squeeze_bars": 1,
    "atr_period": 2,
    "volume_period": 0,
}


def test_wilder_average_by_hand() -> None:
    # (5 + 3) / 2 = 4, (4 + 2) / 2 = 3, (3 + 5) / 2 = 4; the first value is none.
    assert wilder_average([0.0, 5.0, 3.0, 2.0, 5.0], 2) == [None, None, 4.0, 3.0, 4.0]


def test_a_wide_bar_out_of_a_squeeze_is_bought_and_its_mirror_sold_when_asked_for() -> None:
    closes = [10.0, 14.0, 12.0, 12.0, 16.0]
    made = add_volatility_expansion_signals(market(closes), **QUICK)
    assert made.entry == [0, 0, 0, 0, 1]
    assert (made.stop[4], made.target[4]) == pytest.approx((16 - 2 * 4, 16 + 3 * 4))
    turned = [30 - close for close in closes]
    assert not any(add_volatility_expansion_signals(market(turned), **QUICK).entry)
    assert add_volatility_expansion_signals(market(turned), allow_short=True, **QUICK).entry[4] == -1


def test_an_old_squeeze_a_narrow_bar_and_a_quiet_one_are_not_bought() -> None:
    assert not any(add_volatility_expansion_signals(market([10.0, 14.0, 14.0, 12.0, 16.0]), **QUICK).entry)
    closes = [10.0, 14.0, 12.0, 12.0, 16.0]
    assert not any(add_volatility_expansion_signals(market(closes), **(QUICK | {"expansion_atr": 1.67})).entry)
    # The same volume in every bar is not above its mean.
    assert not any(add_volatility_expansion_signals(market(closes), **(QUICK | {"volume_period": 2})).entry)
