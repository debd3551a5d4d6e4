"""Is the target worth its costs: the risk rule ``profitability-gate``."""

from __future__ import annotations

import math
from typing import Any

import attrs
from attrs.validators import ge, lt

from quantsail_framework import Breach, CompiledRule, Market, Portfolio, Request


@attrs.frozen
class ProfitabilityGate:
    """Approves when side * (target - close) * quantity - entry costs - exit costs >= ``min_profit``.

    Entry costs are a taker's at the close of the signal bar, exit costs a maker's at the target, both
    from the run's cost model for the sized quantity; quote currency. An entry without a target passes.
    """

    min_profit: float = attrs.field(
        default=0.10,
        validator=[ge(0.0), lt(math.inf)],
        metadata={"doc": "Least profit at the target after all costs, in quote currency."},
    )

    def check(self, request: Request, portfolio: Portfolio, market: Market) -> Breach | None:
        """A Breach with the expected profit as its value."""
        target = request.target
        if target is None:
            return None
        side, price, estimate = request.side, request.price, request.estimate
        fee, spread, slippage = estimate(side, price, "taker")
        exit_fee, exit_spread, exit_slippage = estimate(-side, target, "maker")
        gross = side * (target - price) * request.quantity
        profit = gross - (fee + spread + slippage) - (exit_fee + exit_spread + exit_slippage)
        if profit >= self.min_profit:
            return None
        return Breach(self._text(self.min_profit, profit), self.min_profit, profit)

    def compiled(self) -> CompiledRule:
        """Its compiled form."""
        return CompiledRule(_compiled, (self.min_profit,), self._text)

    def _text(self, least: float, profit: float) -> str:
        return f"the target would earn {profit:.2f} after costs, the least is {least:.2f}"


def _compiled(numbers: Any, request: Any, _account: Any) -> Any:
    """``ProfitabilityGate.check`` once more; ``numbers``: the least profit. Without a target all is NaN: it passes."""
    gross = request.side * (request.target - request.price) * request.quantity
    profit = gross - request.entry_costs - request.target_costs
    return profit < numbers[0], numbers[0], profit
