"""Commissions of stock brokers: the cost model `per-share`."""

from __future__ import annotations

from typing import Any

import attrs
from attrs.validators import ge, le
from quantsail_framework import CompiledCosts, Costs, Market
from quantsail_framework.domain.fill import fill_notional
from quantsail_framework.domain.order import Liquidity

PCT = 1e-2


def _option(most: float, doc: str) -> Any:
    """An option from 0 to ``most``. It has no default: tariffs differ and change, so a pipeline states its own."""
    return attrs.field(validator=[ge(0.0), le(most)], metadata={"doc": doc})


@attrs.frozen
class PerShareCosts:
    """Fee = quantity * ``fee_per_share``, but at least ``minimum``, and at most ``maximum_pct`` percent of the notional.

    In quote currency, with notional = quantity * price. Where the maximum is below the minimum, the maximum is charged.
    Every fill is an order of its own: the engine enters and leaves a position with one fill each.
    """

    fee_per_share: float = _option(1e6, "Commission for one share, in quote currency.")
    minimum: float = _option(1e6, "Least commission of an order, in quote currency.")
    maximum_pct: float = _option(100.0, "Highest commission of an order, in percent of its notional.")

    def costs(self, side: int, quantity: float, price: float, liquidity: Liquidity, market: Market) -> Costs:
        """Raises ValueError for a quantity or price that is negative or not finite."""
        fill_notional(quantity, price)  # raises
        return Costs(*per_share(self._numbers, side, quantity, price, liquidity == "maker"))

    def compiled(self) -> CompiledCosts:
        """Its compiled form, which is the same function."""
        return CompiledCosts(per_share, self._numbers)

    @property
    def _numbers(self) -> tuple[float, float, float]:
        return self.fee_per_share, self.minimum, self.maximum_pct


def per_share(numbers: Any, _side: float, quantity: float, price: float, _maker: bool) -> Any:
    """Fee, spread and slippage of one fill; ``numbers``: the options, in their order."""
    at_least = max(quantity * numbers[0], numbers[1])
    return min(at_least, quantity * price * numbers[2] * PCT), 0.0, 0.0
