"""When ``profitability-gate`` lets an entry pass: numbers worked by hand, and the seed's defects."""

from __future__ import annotations

import math
from typing import Any

import pytest

from quantsail_framework import LONG, SHORT, Breach, Costs
from quantsail_framework.domain.order import Liquidity
from quantsail_framework.testing import markets
from quantsail_framework.testing.fakes import FakeMarket, FakePortfolio, request
from quantsail_risk.profitability import ProfitabilityGate

MARKET = FakeMarket(markets.random_walk(0, 10))
ACCOUNT = FakePortfolio()


def check(gate: ProfitabilityGate, **asked: Any) -> Breach | None:
    """The answer where a taker pays 10 bps fee, 1 bp spread and 2 bps slippage, a maker 10 bps fee."""
    quantity = asked.get("quantity", 1.0)

    def estimate(_side: int, price: float, liquidity: Liquidity) -> Costs:
        bp = quantity * price * 1e-4
        return Costs(10 * bp) if liquidity == "maker" else Costs(10 * bp, 1 * bp, 2 * bp)

    return gate.check(request(estimate, **asked), ACCOUNT, MARKET)


def test_profit_after_the_costs_of_both_legs() -> None:
    # 2 units from 100 to 101: gross 2.00; entry 13 bps of 200 = 0.26; exit 10 bps of 202 = 0.202: 1.538 is left.
    assert check(ProfitabilityGate(min_profit=1.53), quantity=2.0, target=101.0) is None
    breach = check(ProfitabilityGate(min_profit=1.54), quantity=2.0, target=101.0)
    assert breach is not None
    assert breach.text == "the target would earn 1.54 after costs, the least is 1.54"
    assert (breach.limit, breach.value) == (1.54, pytest.approx(1.538))


def test_shorts_earn_on_the_way_down() -> None:
    # 2 units from 100 to 99: gross 2.00; entry 0.26; exit 10 bps of 198 = 0.198: 1.542 is left.
    assert check(ProfitabilityGate(min_profit=1.541), side=SHORT, quantity=2.0, target=99.0, stop=101.0) is None
    breach = check(ProfitabilityGate(min_profit=1.543), side=SHORT, quantity=2.0, target=99.0, stop=101.0)
    assert breach is not None
    assert breach.value == pytest.approx(1.542)


def test_exactly_the_least_profit_passes() -> None:
    gate = ProfitabilityGate(min_profit=10.0)
    assert gate.check(request(quantity=1.0, price=100.0, target=110.0), ACCOUNT, MARKET) is None


def test_without_a_target_it_passes() -> None:
    assert check(ProfitabilityGate(min_profit=1e9), target=None) is None


def test_the_default_is_ten_cents() -> None:
    # 1 unit from 100 to 100.33: gross 0.33, less 0.13 and 0.10033 is 0.09967; to 100.34 it is 0.10966.
    assert check(ProfitabilityGate(), target=100.33) is not None
    assert check(ProfitabilityGate(), target=100.34) is None


@pytest.mark.parametrize("price", [0.5, 600.0, 30_000.0])
def test_d036_it_judges_the_order_and_not_one_unit(price: float) -> None:
    # 500 of notional to a target 1 % above earn 5 less 0.65 and 0.505, whatever one unit costs.
    asked = {"price": price, "stop": price * 0.99, "target": price * 1.01, "quantity": 500.0 / price}
    assert check(ProfitabilityGate(min_profit=3.8), **asked) is None
    breach = check(ProfitabilityGate(min_profit=3.9), **asked)
    assert breach is not None
    assert breach.value == pytest.approx(5.0 - 0.65 - 0.505)


@pytest.mark.parametrize("side, target", [(LONG, 90.0), (SHORT, 110.0)])
def test_d037_a_target_on_the_losing_side_never_passes(side: int, target: float) -> None:
    breach = check(ProfitabilityGate(min_profit=0.0), side=side, target=target)
    assert breach is not None
    assert breach.value is not None
    assert breach.value < -10.0


@pytest.mark.parametrize("value", [-0.01, math.nan, math.inf])
def test_the_least_profit_must_be_an_amount(value: float) -> None:
    with pytest.raises(ValueError, match="'min_profit' must be"):
        ProfitabilityGate(min_profit=value)
