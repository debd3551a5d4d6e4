"""What trading costs."""

from __future__ import annotations

from typing import Protocol

from quantsail_framework.domain.fill import Costs
from quantsail_framework.domain.order import Liquidity
from quantsail_framework.ports.market import Market


class CostModel(Protocol):
    """Costs of one fill. Called per estimate and per fill; pure: the same arguments give the same costs.

    A model may also have ``prepare(bars) -> array``: causal, one value per bar, called once per
    symbol; ``market.prepared(market.symbol)`` is then its value at the last closed bar, a tuple where the
    array is a structured one. It may have ``warmup: int``, the bars that ``prepare`` needs.
    """

    def costs(self, side: int, quantity: float, price: float, liquidity: Liquidity, market: Market) -> Costs:
        """Costs of buying (side LONG) or selling (SHORT) ``quantity`` units at ``price``.

        Finite numbers, positive when paid. Only bars closed before the fill's bar are visible.
        """
        ...
