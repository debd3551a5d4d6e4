"""Limits that read one figure of the account: positions, trades of the day, exposure. A limit of 0 allows none."""

from __future__ import annotations

from math import inf
from typing import Any

import attrs
from attrs.validators import ge, instance_of, lt

from quantsail_framework import Breach, Market, Portfolio, Request

ROUNDING = 1e-9  # relative: what a sum of floats may be off


def _count(doc: str) -> Any:
    return attrs.field(validator=[instance_of(int), ge(0)], metadata={"doc": doc})


@attrs.frozen
class MaxConcurrentPositions:
    """Refuses an entry while ``limit`` positions are open or accepted and waiting for their fill."""

    limit: int = _count("Positions that may be open or waiting at once; 0 allows none.")

    def check(self, request: Request, portfolio: Portfolio, market: Market) -> Breach | None:
        """A Breach with the number of positions as its value."""
        count = len(portfolio.positions) + len(portfolio.pending)  # open_count, without the call
        if count < self.limit:
            return None
        return Breach(f"positions open or waiting: {count}, the limit is {self.limit}", self.limit, count)


@attrs.frozen
class MaxDailyTrades:
    """Refuses an entry once ``limit`` entries were accepted on the trading day of the decision."""

    limit: int = _count("Entries that a trading day may accept; 0 allows none.")

    def check(self, request: Request, portfolio: Portfolio, market: Market) -> Breach | None:
        """A Breach with the entries of the day as its value."""
        count = portfolio.trades_today
        if count < self.limit:
            return None
        return Breach(f"entries accepted today: {count}, the limit is {self.limit}", self.limit, count)


@attrs.frozen
class MaxExposure:
    """Refuses an entry that would lift the gross notional above ``pct`` percent of equity.

    Gross notional: open positions at their last close, waiting entries and the candidate, longs and
    shorts alike. Three positions of 10 % fit a limit of 30: the last bit of a float refuses nothing.
    """

    pct: float = attrs.field(
        validator=[ge(0.0), lt(inf)],
        metadata={"doc": "Largest gross notional, in percent of equity; 0 allows none."},
    )

    def check(self, request: Request, portfolio: Portfolio, market: Market) -> Breach | None:
        """A Breach with limit and exposure in quote currency; a notional that is no amount is refused too."""
        limit, notional = portfolio.equity * self.pct / 100.0, request.notional
        if not 0.0 < notional < inf:
            return Breach(f"a notional of {notional} is no order", limit)
        exposure = portfolio.exposure + notional
        if exposure <= limit + ROUNDING * abs(limit):
            return None
        return Breach(f"exposure would be {exposure:.2f}, the limit is {limit:.2f}", limit, exposure)
