"""What a fill costs, and the fill itself."""

from __future__ import annotations

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
