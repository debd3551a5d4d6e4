"""Limits that read one figure of the account: positions, trades of the day, exposure. A limit of 0 allows none."""

from __future__ import annotations

from math import inf
from typing import Any

import attrs
from attrs.validators import ge, instance_of, lt

from quantsail_framework import Breach, CompiledRule, Market, Portfolio, Request

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
        return Breach(self._text(self.limit, count), self.limit, count)

    def compiled(self) -> CompiledRule:
        """Its compiled form."""
        return CompiledRule(_compiled_positions, (self.limit,), self._text)

    def _text(self, _limit: float, count: float) -> str:
        return f"positions open or waiting: {count:.0f}, the limit is {self.limit}"


@attrs.frozen
class MaxDailyTrades:
    """Refuses an entry once ``limit`` entries were accepted on the trading day of the decision."""

    limit: int = _count("Entries that a trading day may accept; 0 allows none.")

    def check(self, request: Request, portfolio: Portfolio, market: Market) -> Breach | None:
        """A Breach with the entries of the day as its value."""
        count = portfolio.trades_today
        if count < self.limit:
            return None
        return Breach(self._text(self.limit, count), self.limit, count)

    def compiled(self) -> CompiledRule:
        """Its compiled form."""
        return CompiledRule(_compiled_entries, (self.limit,), self._text)

    def _text(self, _limit: float, count: float) -> str:
        return f"entries accepted today: {count:.0f}, the limit is {self.limit}"


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
            return Breach(f"a notional of {notional} is no order", limit)  # the engine asks about none
        exposure = portfolio.exposure + notional
        if exposure <= limit + ROUNDING * abs(limit):
            return None
        return Breach(self._text(limit, exposure), limit, exposure)

    def compiled(self) -> CompiledRule:
        """Its compiled form."""
        return CompiledRule(_compiled_exposure, (self.pct,), self._text)

    def _text(self, limit: float, exposure: float) -> str:
        return f"exposure would be {exposure:.2f}, the limit is {limit:.2f}"


def _compiled_positions(numbers: Any, _request: Any, account: Any) -> Any:
    """``MaxConcurrentPositions.check`` once more; ``numbers``: its limit."""
    return account.open_count >= numbers[0], numbers[0], account.open_count


def _compiled_entries(numbers: Any, _request: Any, account: Any) -> Any:
    """``MaxDailyTrades.check`` once more; ``numbers``: its limit."""
    return account.trades_today >= numbers[0], numbers[0], account.trades_today


def _compiled_exposure(numbers: Any, request: Any, account: Any) -> Any:
    """``MaxExposure.check`` once more; ``numbers``: its percentage."""
    limit, exposure = account.equity * numbers[0] / 100.0, account.exposure + request.notional
    return not exposure <= limit + ROUNDING * abs(limit), limit, exposure
