"""The profit at which a trading day ends: the risk rule ``daily-target``."""

from __future__ import annotations

import math

import attrs
from attrs.validators import gt, instance_of, lt

from quantsail_framework import Market, Portfolio, Reference, Trip
from quantsail_risk.breakers import Action, ActsAlone, action


@attrs.frozen
class DailyTarget(ActsAlone):
    """Trips until the trading day ends, at a close where the day has earned ``target`` (quote currency).

    The day's result is the sum of net_pnl of the trades that ended on it, and with ``include_open``
    also the profit or loss of the open positions at their last close. What is lost again later that
    day lifts nothing; ``action = "flatten"`` closes everything, so that it cannot be.
    """

    target: float = attrs.field(
        validator=[gt(0.0), lt(math.inf)], metadata={"doc": "Profit that ends the trading day, in quote currency."}
    )
    include_open: bool = attrs.field(
        default=False,
        validator=instance_of(bool),
        metadata={"doc": "Whether the result of open positions counts too."},
    )
    action: Action = action()

    @property
    def watches(self) -> tuple[str, ...]:
        """Trades, and with ``include_open`` equity."""
        return ("trades", "equity") if self.include_open else ("trades",)

    def trip(self, portfolio: Portfolio, market: Market, reference: Reference) -> Trip | None:
        """A Trip with the profit of the day as its value."""
        profit = portfolio.realised_today + (portfolio.unrealised if self.include_open else 0.0)
        if profit < self.target:
            return None
        text = f"the day has earned {profit:.2f}, the target is {self.target:.2f}"
        return Trip(portfolio.day_end_ns, text, self.action, limit=self.target, value=profit, kind="daily_target")
