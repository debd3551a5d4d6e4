"""What a fill costs, and the fill itself."""

from __future__ import annotations

from math import inf
from typing import Literal, NamedTuple

import attrs


class Costs(NamedTuple):
    """Costs of one fill in quote currency, positive when paid. Booked beside the price."""

    fee: float
    spread: float = 0.0
    slippage: float = 0.0

    @property
    def total(self) -> float:
        """Fee, spread and slippage together."""
        return self.fee + self.spread + self.slippage


def fill_notional(quantity: float, price: float) -> float:
    """The notional quantity * price, in quote currency. Raises ValueError for what is negative or not finite."""
    notional = quantity * price
    if quantity >= 0.0 and price >= 0.0 and notional < inf:  # false for any NaN
        return notional
    raise ValueError(f"costs of {quantity} units at {price}: quantity and price must be finite and not negative")


@attrs.frozen
class Fill:
    """One execution. ``side`` is LONG for a buy and SHORT for a sale; ``time_ns`` its bar's open."""

    order_id: str
    fill_id: str
    symbol: str
    side: int
    quantity: float
    price: float
    costs: Costs
    time_ns: int
    liquidity: Literal["maker", "taker"]
    ambiguous: bool = False
