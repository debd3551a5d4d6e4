"""The contract of brokers: every order has one fate, and fills, open orders and holdings tell the same story."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from itertools import pairwise
from typing import Any, ClassVar

from quantsail_framework.domain.fill import Costs, Fill
from quantsail_framework.domain.signals import LONG, SHORT
from quantsail_framework.errors import QuantsailError
from quantsail_framework.ports.broker import Order
from quantsail_framework.testing.contract import Contract, ContractError, case, expect
from quantsail_framework.testing.markets import PRICE, SYMBOL


class BrokerContract(Contract, suite=True):
    """Cases for ``Broker``, at a market that the test class moves.

    ``symbol``, ``quantity`` and ``price`` are what the cases trade, and where that market is. Give ``trade_at``: it
    lets the venue (a fake one) trade at a price, so that market orders fill there, and waiting ones that it reaches.
    ``unknown_symbol`` is one that the venue refuses.
    """

    kind: ClassVar[str] = "broker"
    methods: ClassVar[Mapping[str, int]] = {
        "submit": 1,
        "cancel": 1,
        "open_orders": 0,
        "fills_since": 1,
        "balances": 0,
    }
    symbol: str = SYMBOL
    quantity: float = 1.0
    price: float = PRICE
    unknown_symbol: str = "NOSUCH/SYMBOL"

    def trade_at(self, broker: Any, price: float) -> None:
        """Let the market trade at ``price``, and wait until the broker has heard of it."""
        raise ContractError("give the test class trade_at(self, broker, price), which moves its market")

    @contextmanager
    def opened(self) -> Iterator[Any]:
        """A fresh broker whose market trades at ``price``, closed in the end where it has ``open`` and ``close``."""
        broker = self.build()
        getattr(broker, "open", lambda: None)()
        try:
            self.trade_at(broker, self.price)
            yield broker
        finally:
            getattr(broker, "close", lambda: None)()

    def order(self, order_id: str, **values: Any) -> Order:
        """A market order to buy, unless said otherwise."""
        given: dict[str, Any] = {"symbol": self.symbol, "side": LONG, "quantity": self.quantity, "type": "market"}
        return Order(order_id, **(given | values))

    def bracket(self) -> tuple[Order, Order]:
        """A stop a tenth below and a target a tenth above, of which the first that fills cancels the other."""
        sold: dict[str, Any] = {"side": SHORT, "group": "bracket"}
        stop = self.order("stop", type="stop", price=self.price * 0.9, **sold)
        return stop, self.order("target", type="limit", price=self.price * 1.1, **sold)

    @case("BR-01")
    def test_br01_a_market_order_fills(self) -> None:
        """A market order fills in full, at once or in parts, under its own order id, symbol and side, at a price above
        zero with finite costs, and does not stay open. An order that was sent once must not fill twice."""
        with self.opened() as broker:
            broker.submit(self.order("entry"))
            fills = broker.fills_since(0)
            for fill in fills:
                _expect_fill(fill, self.order("entry"))
            filled = sum(fill.quantity for fill in fills)
            whole = math.isclose(filled, self.quantity, rel_tol=1e-9)
            expect(whole, f"a market order of {self.quantity:g} filled {filled:g}")
            expect(not broker.open_orders(), "a market order that filled is still open")

    @case("BR-02")
    def test_br02_fills_are_counted(self) -> None:
        """``fills_since(n)`` is all that filled after the first n, oldest first, and says the same again: the run keeps
        n and asks again after a restart. Each fill has an id of its own; nothing is told twice."""
        with self.opened() as broker:
            for number in range(4):
                broker.submit(self.order(f"order-{number}", side=SHORT if number % 2 else LONG))
            whole = list(broker.fills_since(0))
            for cursor in range(len(whole) + 1):
                rest = list(broker.fills_since(cursor))
                expect(rest == whole[cursor:], f"fills_since({cursor}) gave {rest}; it must be {whole[cursor:]}")
            ids = [fill.fill_id for fill in whole]
            expect(len(set(ids)) == len(ids), f"two fills have one id: {ids}")
            ordered = all(before.time_ns <= after.time_ns for before, after in pairwise(whole))
            expect(ordered, "fills_since does not begin with the oldest")

    @case("BR-03")
    def test_br03_holdings_are_the_sum_of_fills(self) -> None:
        """``balances`` holds the signed units of each symbol: what was bought less what was sold, and nothing (or zero)
        when all is sold. Reconciliation compares the two after every restart."""
        with self.opened() as broker:
            for order_id, side in (("in", LONG), ("more", LONG), ("out", SHORT)):
                broker.submit(self.order(order_id, side=side))
                bought = sum(fill.side * fill.quantity for fill in broker.fills_since(0))
                held = broker.balances().get(self.symbol, 0.0)
                expect(math.isclose(held, bought, abs_tol=1e-9), f"balances says {held}; the fills add up to {bought}")

    @case("BR-04")
    def test_br04_a_waiting_order_is_open_until_cancelled(self) -> None:
        """A stop or limit order that the market has not reached is open, as it was sent, and gone once it is cancelled.
        To cancel what is not open, or never was, does nothing: it may have filled a moment ago."""
        with self.opened() as broker:
            stop, target = self.bracket()
            for order in (stop, target):
                broker.submit(order)
            expect(
                set(broker.open_orders()) == {stop, target},
                f"{stop} and {target} wait; open are {broker.open_orders()}",
            )
            broker.cancel(stop.order_id)
            expect(list(broker.open_orders()) == [target], f"a cancelled order is still open: {broker.open_orders()}")
            for order_id in (stop.order_id, "never-sent"):
                broker.cancel(order_id)
            expect(list(broker.open_orders()) == [target], "cancelling what was not open changed what is")
            expect(not broker.fills_since(0), "an order filled that the market did not reach")

    @case("BR-05")
    def test_br05_one_of_a_group_cancels_the_other(self) -> None:
        """When the stop or the target of a group fills, the other is cancelled: else both would fill, and leave a
        position that nobody wanted."""
        for factor, filled in ((0.85, "stop"), (1.15, "target")):
            with self.opened() as broker:
                broker.submit(self.order("entry"))
                for order in self.bracket():
                    broker.submit(order)
                self.trade_at(broker, self.price * factor)
                ids = sorted({fill.order_id for fill in broker.fills_since(0)} - {"entry"})
                expect(ids == [filled], f"at {self.price * factor:g} {filled} should fill; {ids} filled")
                expect(not broker.open_orders(), f"{filled} filled, and still open are {broker.open_orders()}")
                self.trade_at(broker, self.price)
                held = broker.balances().get(self.symbol, 0.0)
                expect(abs(held) < 1e-9, f"after {filled} filled, {held} are held; it must be none")

    @case("BR-06")
    def test_br06_a_refusal_says_why_and_leaves_nothing(self) -> None:
        """What is definitely refused raises a QuantsailError whose text names the symbol, such as RunError, and leaves
        no order, fill or holding. A time-out is no refusal: the order may be there."""
        with self.opened() as broker:
            try:
                broker.submit(self.order("refused", symbol=self.unknown_symbol))
            except QuantsailError as error:
                expect(self.unknown_symbol in str(error), f"the refusal does not name {self.unknown_symbol}: {error}")
            else:
                expect(False, f"an order for {self.unknown_symbol} is taken")
            left = [*broker.open_orders(), *broker.fills_since(0), *filter(None, broker.balances().values())]
            expect(not left, f"a refused order leaves {left}")

    @case("BR-07")
    def test_br07_answers_are_copies(self) -> None:
        """What it told stays as it was told, and who changes it changes nothing: return copies of what is inside."""
        with self.opened() as broker:
            stop, target = self.bracket()
            broker.submit(self.order("entry"))
            broker.submit(stop)
            orders, fills, held = broker.open_orders(), broker.fills_since(0), broker.balances()
            before = list(orders), list(fills), dict(held)
            broker.submit(target)
            broker.submit(self.order("more"))
            expect((list(orders), list(fills), dict(held)) == before, "what it told before changed with the next order")
            told = list(broker.open_orders()), list(broker.fills_since(0)), dict(broker.balances())
            for answer in (broker.open_orders(), broker.fills_since(0), broker.balances()):
                with suppress(AttributeError, TypeError):
                    answer.clear()
            now = list(broker.open_orders()), list(broker.fills_since(0)), dict(broker.balances())
            expect(now == told, "who empties what it told empties the broker")

    @case("BR-08")
    def test_br08_an_order_is_sent_once(self) -> None:
        """An order whose ``order_id`` was sent before is not sent again: after a time-out or a restart the run sends it
        once more, since it cannot know, and must never trade twice."""
        with self.opened() as broker:
            stop, _ = self.bracket()
            for order in (self.order("entry"), stop, self.order("entry"), stop):
                broker.submit(order)
            filled = sum(fill.quantity for fill in broker.fills_since(0))
            once = math.isclose(filled, self.quantity, rel_tol=1e-9)
            expect(once, f"an order of {self.quantity:g} that was sent again filled {filled:g}")
            expect(list(broker.open_orders()) == [stop], f"{stop} was sent again; open are {broker.open_orders()}")


def _expect_fill(fill: Any, order: Order) -> None:
    expect(isinstance(fill, Fill), f"fills_since gives {type(fill).__name__}, not Fill")
    wanted = order.order_id, order.symbol, order.side
    told = fill.order_id, fill.symbol, fill.side
    expect(told == wanted, f"the fill is of {told}; the order was {wanted}")
    expect(math.isfinite(fill.price) and fill.price > 0.0, f"the fill has the price {fill.price}")
    costs: Costs = fill.costs
    finite = all(math.isfinite(part) for part in (costs.fee, costs.spread, costs.slippage))
    expect(finite, f"the fill has the costs {costs}")
