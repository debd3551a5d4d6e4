"""Fills at the bid or the ask: the broker `quotes`. Put the feed of a venue in the place of the quotes."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from math import inf

import attrs
from quantsail_framework import Costs
from quantsail_framework.domain.fill import Fill
from quantsail_framework.errors import RunError
from quantsail_framework.ports.broker import Order


@attrs.frozen
class QuotesBroker:
    """Buys at the ask and sells at the bid: the spread is paid in the price, and no costs are booked beside it.

    A stop or limit order waits until its side of the quote reaches its price. What it remembers is no option.
    """

    quotes: Mapping[str, tuple[float, float]] = attrs.field(metadata={"doc": "First bid and ask, in quote currency."})
    _now: dict[str, tuple[float, float]] = attrs.field(init=False, factory=dict, eq=False, repr=False)
    _sent: set[str] = attrs.field(init=False, factory=set, eq=False, repr=False)
    _done: set[str | None] = attrs.field(init=False, factory=set, eq=False, repr=False)  # groups that filled
    _open: dict[str, Order] = attrs.field(init=False, factory=dict, eq=False, repr=False)
    _fills: list[Fill] = attrs.field(init=False, factory=list, eq=False, repr=False)

    def __attrs_post_init__(self) -> None:
        for symbol, (bid, ask) in self.quotes.items():
            self.quote(symbol, bid, ask)

    def quote(self, symbol: str, bid: float, ask: float) -> None:
        """The market has a new bid and ask: what they reach fills. Raises ValueError unless 0 < bid <= ask."""
        if not 0.0 < bid <= ask < inf:
            raise ValueError(f"{symbol}: a bid of {bid} and an ask of {ask}; it must be 0 < bid <= ask")
        self._now[symbol] = bid, ask
        for order in self.open_orders():
            if order.symbol == symbol and order.order_id in self._open:
                self._match(order)

    def submit(self, order: Order) -> None:
        """Send it. One that was sent before is not sent again, nor one of a group of which another has filled."""
        if order.order_id in self._sent or order.group in self._done:
            return
        if order.symbol not in self._now:
            raise RunError(f"{order.symbol}: there is no quote for it; the option quotes must have its bid and ask")
        self._sent.add(order.order_id)
        self._open[order.order_id] = order
        self._match(order)

    def cancel(self, order_id: str) -> None:
        """Forget an order that waits; does nothing when there is none."""
        self._open.pop(order_id, None)

    def open_orders(self) -> Sequence[Order]:
        """Orders that wait."""
        return list(self._open.values())

    def fills_since(self, cursor: int) -> Sequence[Fill]:
        """Fills after the first ``cursor``, oldest first."""
        return self._fills[cursor:]

    def balances(self) -> Mapping[str, float]:
        """Signed units held per symbol."""
        fills = self._fills
        return {name: sum(each.side * each.quantity for each in fills if each.symbol == name) for name in self._now}

    def _match(self, order: Order) -> None:
        """Fill the order if the quote has reached it, and cancel the rest of its group."""
        price = self._now[order.symbol][order.side > 0]  # the bid for a sale, the ask for a purchase
        worse = 0.0 if order.price is None else order.side * (price - order.price)
        if (order.type == "limit" and worse > 0.0) or (order.type == "stop" and worse < 0.0):
            return
        identity = (order.order_id, f"fill-{len(self._fills) + 1}", order.symbol, order.side, order.quantity)
        self._fills.append(Fill(*identity, price, Costs(0.0), time_ns=time.time_ns(), liquidity="taker"))
        self._done.update({order.group} - {None})
        for other in self.open_orders():
            if other is order or other.group in self._done:
                self.cancel(other.order_id)
