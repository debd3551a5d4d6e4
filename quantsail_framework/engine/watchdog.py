"""Breakers: risk rules that trip by themselves at a close and refuse entries until they expire."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

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
    """One breaker: what it watches, since when it counts, and the trip in force."""

    def __init__(self, name: str, rule: Breaker, start: Reference) -> None:
        self.name = name
        self.rule = rule
        self.watches = frozenset(rule.watches)
        self.reference = start
        self.tripped: Trip | None = None
        if unknown := self.watches - _WATCHABLE:
            raise ComponentError(f"risk rule {name!r} watches {sorted(unknown)}; it may watch bars, equity and trades")

    def refusal(self, symbol: str, now_ns: int) -> Breach | None:
        """Why an entry in ``symbol`` is refused now, if the trip in force says so."""
        trip = self.tripped
        if trip is None or now_ns >= trip.until_ns or (trip.symbols and symbol not in trip.symbols):
            return None
        return Breach(trip.reason, trip.limit, trip.value)


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
            if watch.tripped is not None:
                if account.now_ns < watch.tripped.until_ns:
                    continue
                watch.tripped = None
                watch.reference = Reference(account.now_ns, len(account.trades), account.equity)
            watches = watch.watches
            if not ("bars" in watches or ("trades" in watches and ended) or ("equity" in watches and equity_moved)):
                continue
            if account.equity > watch.reference.peak and not watches.isdisjoint(_EVERY_CLOSE):
                watch.reference = Reference(watch.reference.time_ns, watch.reference.trades, account.equity)
            trip = watch.rule.trip(account, market, watch.reference)
            if trip is not None:
                watch.tripped = self._checked(watch.name, trip)
                tripped.append((watch.name, trip))
        in_force = [watch.tripped.until_ns for watch in self.watches.values() if watch.tripped is not None]
        self._first_expiry_ns = min(in_force, default=_NEVER)
        return tripped

    def _checked(self, name: str, trip: Trip) -> Trip:
        if trip.until_ns <= self._account.now_ns:
            raise ComponentError(
                f"risk rule {name!r} tripped until a time that has already passed; until_ns must be later than now"
            )
        return trip
