"""The loss at which a trading day ends: the risk rule ``max-daily-loss``."""

from __future__ import annotations

import math
from typing import Any

import attrs
from attrs.validators import ge, instance_of, lt

from quantsail_framework import Breach, CompiledRule, Market, Portfolio, Reference, Request, Trip
from quantsail_risk.breakers import Action, action


@attrs.frozen
class MaxDailyLoss:
    """Refuses entries until the trading day ends, once the day has lost ``limit`` (quote currency).

    The day's result is the sum of net_pnl of the trades that ended on it, and with ``include_open``
    also the loss, never the profit, of the open positions at their last close. A limit of 0
    allows no entry at all. Once tripped it stays so until the day ends, even if an open loss is
    recovered; ``action = "flatten"`` also closes everything.
    """

    limit: float = attrs.field(
        validator=[ge(0.0), lt(math.inf)],
        metadata={"doc": "Loss that ends the trading day, in quote currency, as a positive number; 0 allows no entry."},
    )
    include_open: bool = attrs.field(
        default=False, validator=instance_of(bool), metadata={"doc": "Whether the loss of open positions counts too."}
    )
    action: Action = action()

    @property
    def watches(self) -> tuple[str, ...]:
        """Trades, and with ``include_open`` equity."""
        return ("trades", "equity") if self.include_open else ("trades",)

    def check(self, request: Request, portfolio: Portfolio, market: Market) -> Breach | None:
        """A Breach with the loss of the day as its value."""
        loss = self._loss(portfolio)
        if loss < self.limit:
            return None
        return Breach(self._text(self.limit, loss), self.limit, loss)

    def trip(self, portfolio: Portfolio, market: Market, reference: Reference) -> Trip | None:
        """Until the end of the trading day. What counts is the day's result, whenever the last trip ended."""
        loss = self._loss(portfolio)
        if loss < self.limit:
            return None
        text, until_ns = self._text(self.limit, loss), portfolio.day_end_ns
        return Trip(until_ns, text, self.action, limit=self.limit, value=loss, kind="daily_loss_limit")

    def _loss(self, portfolio: Portfolio) -> float:
        result = portfolio.realised_today
        if self.include_open:
            result += min(portfolio.unrealised, 0.0)
        return 0.0 - result

    def compiled(self) -> CompiledRule | None:
        """Its compiled form; none where open positions count or are closed."""
        if self.include_open or self.action != "refuse":
            return None
        return CompiledRule(_compiled, (self.limit,), self._text, trip=_compiled_trip)

    def _text(self, limit: float, loss: float) -> str:
        return f"the day has lost {loss:.2f}, the limit is {limit:.2f}"


def _compiled(numbers: Any, _request: Any, account: Any) -> Any:
    """``MaxDailyLoss.check`` once more; ``numbers``: its limit."""
    return _compiled_trip(numbers, account)


def _compiled_trip(numbers: Any, account: Any) -> Any:
    """``MaxDailyLoss.trip`` once more."""
    loss = 0.0 - account.realised_today
    return loss >= numbers[0], numbers[0], loss
