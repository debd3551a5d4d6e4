"""BrokerContract passes the engine's simulated broker, and catches orders that have two fates or none."""

from __future__ import annotations

from typing import Any

import attrs

from quantsail_framework import Costs
from quantsail_framework.engine.simulated_broker import SimulatedBroker
from quantsail_framework.ports.broker import Order
from quantsail_framework.testing import BrokerContract
from quantsail_framework.testing.markets import START_NS, SYMBOL
from tests.testing_kit.kit import run_all, suite

MINUTE_NS = 60_000_000_000


def ten_bps(_symbol: str, _side: int, quantity: float, price: float, _liquidity: str) -> Costs:
    return Costs(quantity * price * 0.001)


@attrs.frozen
class Simulated:
    """Honest: the broker of replay and paper, behind the port."""

    inner: list[SimulatedBroker] = attrs.field(init=False, factory=list, eq=False)

    def open(self) -> None:
        self.inner[:] = [SimulatedBroker(ten_bps, target_first=False)]

    def close(self) -> None:
        self.inner.clear()

    def trades(self, price: float) -> None:
        """A bar that opens, trades and closes at ``price``."""
        self.inner[0].quote(SYMBOL, START_NS, price)
        self.inner[0].trade_bar(SYMBOL, START_NS, price, price, price)

    def submit(self, order: Order) -> None:
        self.inner[0].submit(order)

    def cancel(self, order_id: str) -> None:
        self.inner[0].cancel(order_id)

    def open_orders(self) -> Any:
        return self.inner[0].open_orders()

    def fills_since(self, cursor: int) -> Any:
        return self.inner[0].fills_since(cursor)

    def balances(self) -> Any:
        return self.inner[0].balances()


def at_its_market(broker: type[Any], **attributes: Any) -> BrokerContract:
    return suite(BrokerContract, broker, trade_at=lambda self, it, price: it.trades(price), **attributes)


def test_the_simulated_broker_passes() -> None:
    run_all(at_its_market(Simulated))


@attrs.frozen
class FillsTwice(Simulated):
    """Asks the venue for twice as much."""

    def submit(self, order: Order) -> None:
        super().submit(attrs.evolve(order, quantity=2.0 * order.quantity))


@attrs.frozen
class CountsFromTheEnd(Simulated):
    def fills_since(self, cursor: int) -> Any:
        return super().fills_since(0)[-1:] if cursor else super().fills_since(0)


@attrs.frozen
class Unsigned(Simulated):
    def balances(self) -> Any:
        return {symbol: abs(held) + 1.0 for symbol, held in super().balances().items()}


@attrs.frozen
class KeepsCancelled(Simulated):
    def cancel(self, order_id: str) -> None:
        return None


@attrs.frozen
class Ungrouped(Simulated):
    def trades(self, price: float) -> None:
        waiting = [order for order in self.open_orders() if order.group]
        super().trades(price)
        left = [each for each in waiting if each not in self.open_orders()]
        if left:
            other = next(each for each in waiting if each.order_id != self.fills_since(0)[-1].order_id)
            self.inner[0]._orders[other.order_id] = other


@attrs.frozen
class TakesAnything(Simulated):
    def submit(self, order: Order) -> None:
        if order.symbol == SYMBOL:
            super().submit(order)


@attrs.frozen
class Forgetful(Simulated):
    """Sends again what it has sent, as after a time-out."""

    def submit(self, order: Order) -> None:
        self.inner[0]._sent.discard(order.order_id)
        super().submit(order)


@attrs.frozen
class HandsOut(Simulated):
    """Gives its own list of fills away."""

    def fills_since(self, cursor: int) -> Any:
        return super().fills_since(cursor) if cursor else self.inner[0]._fills
