"""From a signal to an order: the signal as the sizer sees it, its size, the request, a refusal, the order.

What is made for every signal is a named tuple: frozen too, and several times cheaper to make than a
frozen class, which shows in runs of many signals.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

import attrs

from quantsail_framework.domain.fill import Costs

Liquidity = Literal["maker", "taker"]
# The rule of a refusal by what needs more closed bars than there are: a risk rule, or a sizer.
NOT_READY = "not_ready"


class Signal(NamedTuple):
    """One entry signal, its levels already on the tick. ``price`` is the close of the signal bar."""

    symbol: str
    side: int
    price: float
    stop: float
    target: float | None
    confidence: float
    time_ns: int


class Sizing(NamedTuple):
    """How much to trade (base currency), and which constraint decided it.

    A ``quantity`` of zero refuses the signal; ``bound_by`` then says why: ``not_ready`` where too few bars
    have closed. The engine floors the quantity to the lot and works out what the order risks.
    """

    quantity: float
    bound_by: str


class Request(NamedTuple):
    """A sized entry that the risk rules are asked about.

    ``notional`` is quantity * price in quote currency; ``risk`` is quantity * |price - stop|.
    ``estimate(order_side, price, liquidity)`` is the cost model's answer for this quantity.
    """

    symbol: str
    side: int
    quantity: float
    price: float
    stop: float
    target: float | None
    notional: float
    risk: float
    estimate: Callable[[int, float, Liquidity], Costs]

    def entry_costs(self) -> Costs:
        """What entering at the reference price would cost (taker)."""
        return self.estimate(self.side, self.price, "taker")

    def exit_costs(self, price: float, liquidity: Liquidity) -> Costs:
        """What leaving at ``price`` would cost."""
        return self.estimate(-self.side, price, liquidity)


class Breach(NamedTuple):
    """A risk rule says no: the text that the user reads, and the numbers behind it.

    ``limit`` and ``value`` are in the rule's own unit; None where there is no number. ``rule`` is what the
    refusal goes by in place of the component's name: ``not_ready`` where too few bars have closed.
    """

    text: str
    limit: float | None = None
    value: float | None = None
    rule: str | None = None


@attrs.frozen
class Refusal:
    """An entry that was not taken: by which rule, against which limit, with which value.

    ``time_ns`` is the open time of the signal bar, ``price`` the price that was refused: the
    close of the signal bar, or the open at which a gapped or unaffordable order would have filled.
    """

    time_ns: int
    symbol: str
    side: int
    rule: str
    limit: float | None
    value: float | None
    price: float
    text: str


class EntryOrder(NamedTuple):
    """An accepted entry that waits for the next tradable open."""

    symbol: str
    side: int
    quantity: float
    price: float
    stop: float
    target: float | None
    trail: float | None
    max_bars: int
    confidence: float
    reason: str | Callable[[], str]
    signal_time_ns: int
    decided_ns: int
    equity: float
    risk: float
    bound_by: str

    @property
    def notional(self) -> float:
        """Reference notional: what the order holds back from the available cash."""
        return self.quantity * self.price


class Trip(NamedTuple):
    """A breaker trips: entries are refused until ``until_ns``; ``"flatten"`` also closes positions.

    ``symbols`` limits it to some markets; empty means all of them. ``limit`` and ``value`` are the
    numbers behind it, as in a Breach. ``kind`` is what its alert is called.
    """

    until_ns: int
    reason: str
    action: Literal["refuse", "flatten"] = "refuse"
    symbols: tuple[str, ...] = ()
    limit: float | None = None
    value: float | None = None
    kind: Literal["breaker_tripped", "daily_loss_limit", "daily_target"] = "breaker_tripped"


class Reference(NamedTuple):
    """Since when a breaker counts: the start of the run, or the expiry of its last trip.

    ``trades`` is the number of trades closed before then, ``peak`` the highest equity at a close
    since then (kept for rules that watch equity or bars; else the equity at that time).
    """

    time_ns: int
    trades: int
    peak: float
