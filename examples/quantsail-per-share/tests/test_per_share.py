"""`per-share` on fills worked by hand, with the tariff and the examples that Interactive Brokers publishes."""

from __future__ import annotations

import pytest
from quantsail_framework import LONG, SHORT
from quantsail_framework.testing import fakes, markets

from quantsail_per_share.costs import PerShareCosts

MARKET = fakes.FakeMarket(markets.random_walk(size=10))
# USD, fixed pricing for shares of the United States: 0.005 for a share, at least 1.00, at most 1 % of the trade value.
MODEL = PerShareCosts(fee_per_share=0.005, minimum=1.0, maximum_pct=1.0)


@pytest.mark.parametrize(
    ("shares", "price", "fee"),
    [
        (1_000.0, 25.0, 5.00),  # per share
        (100.0, 25.0, 1.00),  # the minimum, since 100 * 0.005 is 0.50
        (1_000.0, 0.25, 2.50),  # the maximum, 1 % of 250
        (10.0, 0.20, 0.02),  # the maximum where it is below the minimum: 1 % of 2
        (0.0, 25.0, 0.00),
    ],
)
@pytest.mark.parametrize("side", [LONG, SHORT])
def test_a_fill_pays_by_the_share_between_minimum_and_maximum(
    side: int, shares: float, price: float, fee: float
) -> None:
    assert MODEL.costs(side, shares, price, "taker", MARKET) == pytest.approx((fee, 0.0, 0.0))
    assert MODEL.costs(side, shares, price, "maker", MARKET) == pytest.approx((fee, 0.0, 0.0))


def test_a_quantity_below_zero_is_refused() -> None:
    with pytest.raises(ValueError, match="costs of -1.0 units at 25.0"):
        MODEL.costs(LONG, -1.0, 25.0, "taker", MARKET)
