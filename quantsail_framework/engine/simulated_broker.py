"""A broker that fills against candles, by the rules of ``fills``: for replay, and for paper on live bars."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import attrs

from quantsail_framework.domain.fill import Costs, Fill
from quantsail_framework.domain.order import Liquidity
from quantsail_framework.engine import fills
from quantsail_framework.errors import RunError
from quantsail_framework.ports.broker import Order

Price = Callable[[str, int, float, float, Liquidity], Costs]


@attrs.frozen
class Quote:
    """What a market order in a symbol fills at now: a price of the bar that opened at ``time_ns``."""

    time_ns: int
    price: float


class SimulatedBroker:
    """Fills market orders at the current quote and protective orders when a bar touches them.

    ``price(symbol, side, quantity, price, liquidity)`` says what a fill costs.
    """

    def __init__(self, price: Price, target_first: bool) -> None:
        self._price = price
        self._target_first = target_first
        self._quotes: dict[str, Quote] = {}
        self._orders: dict[str, Order] = {}
        self._sent: set[str] = set()
        self._fills: list[Fill] = []
        self._held: dict[str, float] = {}

    # The port.

    def submit(self, order: Order) -> None:
        """Fill a market order at the quote; keep a stop or limit order until a bar touches it."""
        if order.order_id in self._sent:
            return
        quote = self._quotes.get(order.symbol)
        if order.type == "market" and quote is None:
            raise RunError(f"{order.symbol}: a market order was sent before the market had a price")
        self._sent.add(order.order_id)
        if order.type != "market" or quote is None:
            self._orders[order.order_id] = order
            return
        self._fill(order, quote.price, quote.time_ns, "taker", ambiguous=False)

    def cancel(self, order_id: str) -> None:
        """Forget an order that waits."""
        self._orders.pop(order_id, None)

    def open_orders(self) -> Sequence[Order]:
        """Stop and limit orders that wait."""
        return list(self._orders.values())

    def fills_since(self, cursor: int) -> Sequence[Fill]:
        """Fills after the first ``cursor``."""
        return self._fills[cursor:]

    def balances(self) -> Mapping[str, float]:
        """Signed units by symbol."""
        return dict(self._held)

    # The market moves.

    def quote(self, symbol: str, time_ns: int, price: float) -> None:
        """Market orders in ``symbol`` now fill at ``price``."""
        self._quotes[symbol] = Quote(time_ns, price)

    def trade_bar(self, symbol: str, time_ns: int, open_: float, high: float, low: float) -> None:
        """A whole bar has traded: fill the protective order that it touches, and cancel its twin."""
        waiting = [order for order in self._orders.values() if order.symbol == symbol]
        stop = next((order for order in waiting if order.type == "stop"), None)
        limit = next((order for order in waiting if order.type == "limit"), None)
        if stop is None or stop.price is None:
            return
        target = None if limit is None else limit.price
        hit = fills.touch(-stop.side, stop.price, target, open_, high, low, self._target_first)
        if hit is None:
            return
        touched = stop if hit.by_stop or limit is None else limit
        for order in waiting:
            if order.group == touched.group:
                self.cancel(order.order_id)
        self._fill(touched, hit.price, time_ns, "taker" if hit.by_stop else "maker", hit.ambiguous)

    def _fill(self, order: Order, price: float, time_ns: int, liquidity: Liquidity, ambiguous: bool) -> None:
        costs = self._price(order.symbol, order.side, order.quantity, price, liquidity)
        fill_id = f"fill-{len(self._fills) + 1}"
        self._fills.append(
            Fill(
                order.order_id,
                fill_id,
                order.symbol,
                order.side,
                order.quantity,
                price,
                costs,
                time_ns,
                liquidity,
                ambiguous,
            )
        )
        self._held[order.symbol] = self._held.get(order.symbol, 0.0) + order.side * order.quantity
