"""Costs as the same basis points whatever the size: the cost model ``basis-points``."""

from __future__ import annotations

from typing import Any

import attrs
from attrs.validators import ge, lt

from quantsail_binance.checks import check_fill
from quantsail_framework import Costs, Market
from quantsail_framework.domain.order import Liquidity

BPS = 1e-4


def _bps(default: float, doc: str) -> Any:
    return attrs.field(default=default, validator=[ge(0.0), lt(10_000.0)], metadata={"doc": doc})


@attrs.frozen
class BasisPointsCosts:
    """Every fill pays the fee; taker fills also pay half of the quoted spread and the slippage.

    In quote currency: notional * basis points / 10,000, with notional = quantity * price.
    """

    fee_bps: float = _bps(10.0, "Fee of any fill, in basis points of the notional.")
    spread_bps: float = _bps(2.0, "Quoted spread, bid to ask, in basis points; a taker fill pays half of it.")
    slippage_bps: float = _bps(2.0, "Slippage of a taker fill, in basis points of the notional.")

    def costs(self, side: int, quantity: float, price: float, liquidity: Liquidity, market: Market) -> Costs:
        """Raises ValueError for a quantity or price that is negative or not finite."""
        notional = check_fill(quantity, price) * BPS
        if liquidity == "maker":
            return Costs(notional * self.fee_bps)
        return Costs(notional * self.fee_bps, notional * self.spread_bps * 0.5, notional * self.slippage_bps)
