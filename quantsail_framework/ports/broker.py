"""What executes orders in a bar-by-bar run: simulated in replay and paper, a venue in live."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, Protocol

import attrs

from quantsail_framework.domain.fill import Fill

OrderType = Literal["market", "stop", "limit"]


@attrs.frozen
class Order:
    """One order. ``side`` is LONG to buy, SHORT to sell; ``price`` is the trigger of a stop or the
    limit of a limit order. ``group`` ties a stop and a target: one filled cancels the other."""

    order_id: str
    symbol: str
    side: int
    quantity: float
    type: OrderType
    price: float | None = None
    group: str | None = None


class Broker(Protocol):
    """Takes orders and tells what became of them."""

    def submit(self, order: Order) -> None:
        """Send it. Raises when it is definitely refused. One whose ``order_id`` was sent before is not sent again."""
        ...

    def cancel(self, order_id: str) -> None:
        """Cancel it; does nothing when it is no longer open."""
        ...

    def open_orders(self) -> Sequence[Order]:
        """Orders that can still fill."""
        ...

    def fills_since(self, cursor: int) -> Sequence[Fill]:
        """Fills after the first ``cursor``, oldest first."""
        ...

    def balances(self) -> Mapping[str, float]:
        """Signed units held per symbol; zero holdings may be absent."""
        ...
