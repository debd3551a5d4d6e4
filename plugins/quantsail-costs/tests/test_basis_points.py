"""Flat costs by hand."""

from __future__ import annotations

import math

import pytest

from quantsail_costs.basis_points import BasisPointsCosts
from quantsail_framework import LONG
from quantsail_framework.testing import markets
from quantsail_framework.testing.fakes import FakeMarket

MARKET = FakeMarket(markets.random_walk(0, 10))


def test_basis_points_by_hand() -> None:
    # Of 1,000: 10 bps = 1, half of 4 bps = 0.2, 3 bps = 0.3.
    model = BasisPointsCosts(fee_bps=10.0, spread_bps=4.0, slippage_bps=3.0)
    assert tuple(model.costs(LONG, 20.0, 50.0, "taker", MARKET)) == pytest.approx((1.0, 0.2, 0.3))
    assert tuple(model.costs(LONG, 20.0, 50.0, "maker", MARKET)) == pytest.approx((1.0, 0.0, 0.0))


@pytest.mark.parametrize("option", ["fee_bps", "spread_bps", "slippage_bps"])
def test_basis_points_are_not_negative(option: str) -> None:
    with pytest.raises(ValueError, match=f"'{option}' must be >= 0"):
        BasisPointsCosts(**{option: -1.0})


@pytest.mark.parametrize("quantity, price", [(-1.0, 100.0), (math.nan, 100.0), (1.0, math.inf), (1.0, -1.0)])
def test_d098_what_is_no_size_or_price_is_refused(quantity: float, price: float) -> None:
    with pytest.raises(ValueError, match="must be finite and not negative"):
        BasisPointsCosts().costs(LONG, quantity, price, "maker", MARKET)
