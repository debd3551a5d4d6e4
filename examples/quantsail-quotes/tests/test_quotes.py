"""`quotes` on orders worked by hand."""

from __future__ import annotations

import pytest
from quantsail_framework import LONG, SHORT
from quantsail_framework.errors import RunError
from quantsail_framework.ports.broker import Order

from quantsail_quotes.broker import QuotesBroker

BTC = "BTC/USDT"
STOP = Order("stop", BTC, SHORT, 0.5, "stop", price=48_000.0, group="bracket")
TARGET = Order("target", BTC, SHORT, 0.5, "limit", price=53_000.0, group="bracket")


@pytest.fixture
def broker() -> QuotesBroker:
    return QuotesBroker({BTC: (49_990.0, 50_010.0)})


def fills(broker: QuotesBroker) -> list[tuple[str, float]]:
    """Order and price of each fill."""
    return [(fill.order_id, fill.price) for fill in broker.fills_since(0)]


def test_a_round_trip_costs_the_spread(broker: QuotesBroker) -> None:
    broker.submit(Order("in", BTC, LONG, 0.5, "market"))
    broker.submit(Order("out", BTC, SHORT, 0.5, "market"))
    assert fills(broker) == [("in", 50_010.0), ("out", 49_990.0)]
    assert sum(-fill.side * fill.quantity * fill.price for fill in broker.fills_since(0)) == -10.0  # 0.5 * 20
    assert [fill.costs.total for fill in broker.fills_since(0)] == [0.0, 0.0]  # the price has it already
    assert broker.balances() == {BTC: 0.0}


def test_an_order_that_comes_twice_trades_once(broker: QuotesBroker) -> None:
    for _ in range(2):
        broker.submit(Order("in", BTC, LONG, 0.5, "market"))
    assert broker.balances() == {BTC: 0.5}


@pytest.mark.parametrize(
    ("quote", "filled"),
    [
        ((48_000.5, 48_020.0), []),
        ((47_900.0, 48_020.0), [("stop", 47_900.0)]),  # sold at the bid, below the price of the stop
        ((52_999.5, 53_020.0), []),  # the ask has reached the target, and a sale needs the bid
        ((53_004.0, 53_024.0), [("target", 53_004.0)]),
    ],
)
def test_a_sale_waits_for_the_bid(
    broker: QuotesBroker, quote: tuple[float, float], filled: list[tuple[str, float]]
) -> None:
    for order in (STOP, TARGET):
        broker.submit(order)
    broker.quote(BTC, *quote)
    assert fills(broker) == filled
    assert broker.open_orders() == ([] if filled else [STOP, TARGET])  # what fills cancels the rest of its group


def test_an_order_of_a_group_that_has_filled_comes_too_late(broker: QuotesBroker) -> None:
    broker.quote(BTC, 47_900.0, 48_020.0)
    for order in (STOP, TARGET):
        broker.submit(order)
    broker.quote(BTC, 53_004.0, 53_024.0)
    assert fills(broker) == [("stop", 47_900.0)]


def test_a_purchase_waits_for_the_ask(broker: QuotesBroker) -> None:
    broker.submit(Order("cheaper", BTC, LONG, 0.5, "limit", price=49_000.0))
    broker.submit(Order("dearer", BTC, LONG, 0.5, "stop", price=51_000.0))
    broker.quote(BTC, 49_000.0, 49_020.0)
    broker.quote(BTC, 50_980.0, 50_999.5)
    assert fills(broker) == []
    broker.quote(BTC, 50_990.0, 51_010.0)
    broker.quote(BTC, 48_970.0, 48_990.0)
    assert fills(broker) == [("dearer", 51_010.0), ("cheaper", 48_990.0)]


def test_a_market_without_a_quote_is_refused(broker: QuotesBroker) -> None:
    with pytest.raises(RunError, match="ETH/USDT: there is no quote for it"):
        broker.submit(Order("in", "ETH/USDT", LONG, 1.0, "market"))
    assert fills(broker) == []


@pytest.mark.parametrize("quote", [(50_010.0, 49_990.0), (0.0, 1.0), (1.0, float("inf")), (float("nan"), 1.0)])
def test_a_quote_that_cannot_be_is_refused(broker: QuotesBroker, quote: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="BTC/USDT: a bid of .* it must be 0 < bid <= ask"):
        broker.quote(BTC, *quote)
    with pytest.raises(ValueError, match="BTC/USDT: a bid of .* it must be 0 < bid <= ask"):
        QuotesBroker({BTC: quote})
