"""What may refuse an entry, or close everything."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from quantsail_framework.domain.order import Breach, Reference, Request, Trip
from quantsail_framework.domain.portfolio import Portfolio
from quantsail_framework.ports.market import Market


class RiskRule(Protocol):
    """Asked about each sized entry, in pipeline order; the first refusal ends it.

    A rule reads state and owns none. A rule that needs history has ``warmup: int``.
    """

    def check(self, request: Request, portfolio: Portfolio, market: Market) -> Breach | str | None:
        """None approves. A Breach, or just its text, refuses; its ``rule`` is ``not_ready`` while bars are missing."""
        ...


class Breaker(RiskRule, Protocol):
    """A risk rule that also acts by itself.

    ``watches`` names what can trip it: ``"trades"`` (asked at each close of a bar in which a trade
    ended), ``"equity"`` (at each close while a position is open or one ended) or ``"bars"`` (at each
    close). While all markets are tripped it is not asked; on expiry of a trip ``reference`` restarts. A
    breaker has one reference: a trip of some markets that expires restarts it for all of them.
    """

    @property
    def watches(self) -> tuple[str, ...]:
        """Any of trades, equity, bars."""
        ...

    def trip(self, portfolio: Portfolio, market: Market, reference: Reference) -> Trip | Sequence[Trip] | None:
        """None, or until when entries are refused and whether positions are closed.

        Several trips, each of its own markets, may come at once; a market that is tripped already is
        left as it is.
        """
        ...
