"""Breakers: risk rules that trip by themselves at a close and refuse entries until they expire."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import attrs

from quantsail_framework.domain.order import Breach, Reference, Trip
from quantsail_framework.engine.account import Account
from quantsail_framework.errors import ComponentError
from quantsail_framework.ports.market import Market
from quantsail_framework.ports.risk_rule import Breaker
from quantsail_framework.ports.runner import NamedRule

_WATCHABLE = {"trades", "equity", "bars"}
_NEVER = 2**63
_EVERY_CLOSE = {"equity", "bars"}  # breakers that are asked at every close at which equity can move


class Watch:
    """One breaker: what it watches, since when it counts, and the trips in force.

    A trip of all markets silences the breaker until it expires; one of some markets silences it for those.
    """

    def __init__(self, name: str, rule: Breaker, start: Reference) -> None:
        self.name = name
        self.rule = rule
        self.watches = frozenset(rule.watches)
        self.reference = start
        self.trips: list[Trip] = []
        if unknown := self.watches - _WATCHABLE:
            raise ComponentError(f"risk rule {name!r} watches {sorted(unknown)}; it may watch bars, equity and trades")

    def refusal(self, symbol: str, now_ns: int) -> Breach | None:
        """Why an entry in ``symbol`` is refused now, if a trip in force says so."""
        for trip in self.trips:
            if now_ns < trip.until_ns and (not trip.symbols or symbol in trip.symbols):
                return Breach(trip.reason, trip.limit, trip.value)
        return None

    def expire(self, now_ns: int) -> bool:
        """Forget the trips whose time has passed; whether there were any."""
        before = len(self.trips)
        self.trips = [trip for trip in self.trips if now_ns < trip.until_ns]
        return len(self.trips) < before

    def admit(self, trip: Trip, now_ns: int) -> Trip | None:
        """Put a trip in force, for the markets that are not tripped already; None when all of them are."""
        if trip.until_ns <= now_ns:
            raise ComponentError(
                f"risk rule {self.name!r} tripped until a time that has already passed; until_ns must be later than now"
            )
        silent = {symbol for earlier in self.trips for symbol in earlier.symbols}
        if trip.symbols:
            left = tuple(symbol for symbol in trip.symbols if symbol not in silent)
            if not left:
                return None
            trip = attrs.evolve(trip, symbols=left)
        self.trips.append(trip)
        return trip


class Watchdog:
    """Asks the breakers at the closes where something they watch has changed."""

    def __init__(self, rules: Sequence[NamedRule], account: Account, start_ns: int) -> None:
        start = Reference(start_ns, 0, account.capital)
        breakers = {named.name: named.rule for named in rules if hasattr(named.rule, "trip")}
        self.watches = {name: Watch(name, cast(Breaker, rule), start) for name, rule in breakers.items()}
        watched = frozenset[str]().union(*(watch.watches for watch in self.watches.values()))
        self.every_bar = "bars" in watched
        self.every_equity = "equity" in watched
        self.awake = bool(self.watches)
        self._first_expiry_ns = _NEVER
        self._account = account

    def due(self) -> bool:
        """Whether some breaker must be asked at this close, although no trade ended in its bar."""
        account = self._account
        return (
            self.every_bar or account.now_ns >= self._first_expiry_ns or (self.every_equity and bool(account.positions))
        )

    def ask(self, market: Market, ended: bool) -> list[tuple[str, Trip]]:
        """Expire what has passed, then ask every breaker whose watched thing changed; returns what tripped."""
        account, tripped = self._account, []
        equity_moved = ended or bool(account.positions)
        for watch in self.watches.values():
            if watch.expire(account.now_ns):
                watch.reference = Reference(account.now_ns, len(account.trades), account.equity)
            if any(not trip.symbols for trip in watch.trips):
                continue
            watches = watch.watches
            if not ("bars" in watches or ("trades" in watches and ended) or ("equity" in watches and equity_moved)):
                continue
            if account.equity > watch.reference.peak and not watches.isdisjoint(_EVERY_CLOSE):
                watch.reference = Reference(watch.reference.time_ns, watch.reference.trades, account.equity)
            for trip in _each(watch.rule.trip(account, market, watch.reference)):
                admitted = watch.admit(trip, account.now_ns)
                if admitted is not None:
                    tripped.append((watch.name, admitted))
        self._first_expiry_ns = min((trip.until_ns for trip in self.in_force()), default=_NEVER)
        return tripped

    def in_force(self) -> list[Trip]:
        """The trips whose time has not passed."""
        return [trip for watch in self.watches.values() for trip in watch.trips]


def _each(answer: Trip | Sequence[Trip] | None) -> Sequence[Trip]:
    return () if answer is None else (answer,) if isinstance(answer, Trip) else answer
