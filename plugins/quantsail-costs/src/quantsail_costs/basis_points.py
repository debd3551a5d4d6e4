"""Costs as the same basis points whatever the size: the cost model ``basis-points``."""

from __future__ import annotations

from typing import Any

import attrs

from quantsail_costs.options import BPS, bps
from quantsail_framework import CompiledCosts, Costs, Market
from quantsail_framework.domain.fill import fill_notional
from quantsail_framework.domain.order import Liquidity


@attrs.frozen
class BasisPointsCosts:
    """Every fill pays the fee; taker fills also pay half of the quoted spread and the slippage.

    In quote currency: notional * basis points / 10,000, with notional = quantity * price.
    """

    fee_bps: float = bps(10.0, "Fee of any fill, in basis points of the notional.")
    spread_bps: float = bps(2.0, "Quoted spread, bid to ask, in basis points; a taker fill pays half of it.")
    slippage_bps: float = bps(2.0, "Slippage of a taker fill, in basis points of the notional.")

    def costs(self, side: int, quantity: float, price: float, liquidity: Liquidity, market: Market) -> Costs:
        """Raises ValueError for a quantity or price that is negative or not finite."""
        notional = fill_notional(quantity, price) * BPS
        if liquidity == "maker":
            return Costs(notional * self.fee_bps)
        return Costs(notional * self.fee_bps, notional * self.spread_bps * 0.5, notional * self.slippage_bps)

    def compiled(self) -> CompiledCosts:
        """Its compiled form."""
        return CompiledCosts(_compiled, (self.fee_bps, self.spread_bps, self.slippage_bps))


def _compiled(numbers: Any, _side: float, quantity: float, price: float, maker: bool) -> Any:
    """``BasisPointsCosts.costs`` once more; ``numbers``: its options, in their order."""
    notional = quantity * price * BPS
    if maker:
        return notional * numbers[0], 0.0, 0.0
    return notional * numbers[0], notional * numbers[1] * 0.5, notional * numbers[2]
