"""`turtle-unit` on candles and accounts worked by hand: 1 % of 10,000 at a price of 100."""

from __future__ import annotations

import numpy as np
from quantsail_framework import Bars, Instrument, Sizing, Timeframe
from quantsail_framework.testing import fakes, markets

from quantsail_turtle_unit.sizer import TurtleUnit

SIZER = TurtleUnit(unit_pct=1.0, period=2)
# Each bar reaches one above and one below its close. The true range of the second is 104 - 101, as the bar before closed
# at 104, that of the third 107 - 102, as it closed at 102: N is 4. The first only gives its close.
MARKET = fakes.FakeMarket(markets.of_closes([104.0, 102.0, 106.0]))


def size(market: fakes.FakeMarket, available: float = 10_000.0) -> Sizing:
    """What it buys with an equity of 10,000."""
    account = fakes.FakePortfolio(equity=10_000.0, available=available)
    signal = fakes.signal(symbol=market.symbol, price=100.0)
    return SIZER.size(signal, Instrument(market.symbol), account, market)


def test_a_move_by_n_is_one_percent_of_equity() -> None:
    assert size(MARKET) == Sizing(25.0, "unit")  # 100 / 4


def test_the_cash_is_the_limit_and_a_hundredth_of_it_is_kept() -> None:
    assert size(MARKET, available=1_000.0) == Sizing(9.9, "cash")
    assert size(MARKET, available=-20.0) == Sizing(0.0, "cash")


def test_without_bars_enough_it_is_not_ready() -> None:
    assert size(fakes.FakeMarket(markets.of_closes([104.0, 102.0]))) == Sizing(0.0, "not_ready")


def test_a_price_that_stood_still_has_no_size() -> None:
    flat = np.full(3, 100.0)
    bars = Bars("A/B", Timeframe("1d"), np.arange(3), flat, flat, flat, flat, np.ones(3))
    assert size(fakes.FakeMarket(bars)) == Sizing(0.0, "no_range")
