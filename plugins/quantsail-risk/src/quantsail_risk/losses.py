"""Breakers that look at trades that have ended: losses in a row, stops in a window, and a cooldown after a loss."""

from __future__ import annotations

from typing import Literal

import attrs
from attrs.validators import ge, in_, instance_of

from quantsail_framework import Market, Portfolio, Reference, Timeframe, Trip
from quantsail_framework.domain.trade import STOP, TRAILING_STOP, Outcome
from quantsail_risk.breakers import Action, ActsAlone, Duration, action, duration, until_ns


@attrs.frozen
class MaxConsecutiveLosses(ActsAlone):
    """Trips at the close of the bar in which the ``limit``-th trade in a row has lost, for ``duration``.

    Trades of all markets in the order in which they ended, since the run began or the last trip
    expired. A trade with a net_pnl of zero or more ends the row.
    """

    limit: int = attrs.field(
        validator=[instance_of(int), ge(1)], metadata={"doc": "Losing trades in a row at which it trips."}
    )
    duration: Duration = duration("day")
    action: Action = action()

    @property
    def watches(self) -> tuple[str, ...]:
        """Trades."""
        return ("trades",)

    def trip(self, portfolio: Portfolio, market: Market, reference: Reference) -> Trip | None:
        """A Trip with the losses in a row as its value."""
        results = portfolio.closed_net_pnl
        first = len(results)
        while first > reference.trades and results[first - 1] < 0.0:
            first -= 1
        losses = len(results) - first
        if losses < self.limit:
            return None
        text = f"trades lost in a row: {losses}, the limit is {self.limit}"
        return Trip(until_ns(self.duration, portfolio, market), text, self.action, limit=self.limit, value=losses)


@attrs.frozen
class StopLossGuard(ActsAlone):
    """Trips at a close where ``limit`` trades have lost at their stop within the last ``window``, for ``duration``.

    Counts trades that ended by ``stop`` or ``trailing_stop`` with a net loss, in bars that opened no
    longer ago than ``window``, since the run began or the last trip expired. A trailing stop that
    won something is no stop-loss.
    """

    limit: int = attrs.field(
        validator=[instance_of(int), ge(1)], metadata={"doc": "Stop-losses within the window at which it trips."}
    )
    window: Timeframe = attrs.field(metadata={"doc": 'How far back stop-losses count, such as "6h".'})
    duration: Duration = duration("day")
    action: Action = action()

    @property
    def watches(self) -> tuple[str, ...]:
        """Trades."""
        return ("trades",)

    def trip(self, portfolio: Portfolio, market: Market, reference: Reference) -> Trip | None:
        """A Trip with the stop-losses of the window as its value."""
        since, stops = market.now_ns - self.window.ns, 0
        for index in range(len(portfolio.closed_times_ns) - 1, reference.trades - 1, -1):
            if portfolio.closed_times_ns[index] < since:
                break
            stopped = portfolio.closed_reasons[index] in (STOP, TRAILING_STOP)
            stops += stopped and portfolio.closed_net_pnl[index] < 0.0
        if stops < self.limit:
            return None
        text = f"stop-losses within {self.window}: {stops}, the limit is {self.limit}"
        return Trip(until_ns(self.duration, portfolio, market), text, self.action, limit=self.limit, value=stops)


@attrs.frozen
class Cooldown(ActsAlone):
    """Trips at the close of a bar in which a trade has lost, for ``duration``.

    With ``scope = "symbol"`` the market that lost pauses, with ``"all"`` every market. A further loss
    while it is tripped makes no pause longer. ``action = "flatten"`` needs ``"all"``: a market that has just
    lost holds nothing that could be closed.
    """

    duration: Duration = duration()
    scope: Literal["symbol", "all"] = attrs.field(
        default="symbol",
        validator=in_(("symbol", "all")),
        metadata={"doc": "What pauses: the market that lost (symbol), or all of them."},
    )
    action: Action = action()

    @action.validator
    def _finds_positions(self, _field: attrs.Attribute[str], value: str) -> None:
        if value == "flatten" and self.scope == "symbol":
            raise ValueError('an action of flatten needs scope = "all": a market that has just lost holds nothing')

    @property
    def watches(self) -> tuple[str, ...]:
        """Trades."""
        return ("trades",)

    def trip(self, portfolio: Portfolio, market: Market, reference: Reference) -> list[Trip]:
        """A Trip for each market that has just lost, or one for all, with the loss as its value."""
        until = until_ns(self.duration, portfolio, market)
        losers = {trade.symbol: trade for trade in _just_lost(portfolio, market)}
        if self.scope == "symbol":
            return [self._pause(trade, until, (symbol,)) for symbol, trade in losers.items()]
        return [self._pause(trade, until) for trade in losers.values()][-1:]

    def _pause(self, trade: Outcome, until: int, symbols: tuple[str, ...] = ()) -> Trip:
        loss = -trade.net_pnl
        return Trip(until, f"{trade.symbol} has lost {loss:.2f}: a pause follows", self.action, symbols, value=loss)


def _just_lost(portfolio: Portfolio, market: Market) -> list[Outcome]:
    """The losing trades that ended in the bar that has just closed, oldest first."""
    bar, trades = market.now_ns - market.timeframe.ns, portfolio.trades
    first = len(trades)
    while first and trades[first - 1].exit_time == bar:
        first -= 1
    return [trade for trade in trades[first:] if trade.net_pnl < 0.0]
