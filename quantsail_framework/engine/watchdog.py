"""Breakers: risk rules that trip by themselves at a close and refuse entries until they expire."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from quantsail_framework.domain.order import Breach, Reference, Request, Trip
from quantsail_framework.engine.account import Account
from quantsail_framework.errors import ComponentError
from quantsail_framework.ports.market import Market
from quantsail_framework.ports.risk_rule import Breaker
from quantsail_framework.ports.runner import NamedRule

_WATCHABLE = {"trades", "equity", "bars"}
_NEVER = 2**63


class Watch:
    """One breaker: what it watches, since when it counts, and the trips in force.

    A trip of all markets silences the breaker until it expires; one of some markets silences it for those.
    """

    def __init__(self, name: str, rule: Breaker, start: Reference) -> None:
        self.name = name
        self.rule = rule
        self.watches = frozenset(rule.watches)
        self.on_trades, self.on_equity, self.on_bars = (what in self.watches for what in ("trades", "equity", "bars"))
        self.on_level = self.on_equity or self.on_bars
        self.trip = rule.trip
        self.reference = start
        self.trips: list[Trip] = []
        if unknown := self.watches - _WATCHABLE:
            raise ComponentError(f"risk rule {name!r} watches {sorted(unknown)}; it may watch bars, equity and trades")

    def check(self, request: Request, portfolio: Account, market: Market) -> Breach | str | None:
        """The rule's answer, unless a trip in force refuses."""
        for trip in self.trips:
            if portfolio.now_ns < trip.until_ns and (not trip.symbols or request.symbol in trip.symbols):
                return Breach(trip.reason, trip.limit, trip.value)
        return self.rule.check(request, portfolio, market)

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
            trip = trip._replace(symbols=left)
        self.trips.append(trip)
        return trip


class Watchdog:
    """Asks the breakers at the closes where something they watch has changed."""

    def __init__(self, rules: Sequence[NamedRule], account: Account, start_ns: int) -> None:
        start = Reference(start_ns, 0, account.capital)
        breakers = {named.name: named.rule for named in rules if hasattr(named.rule, "trip")}
        self.watches = {name: Watch(name, cast(Breaker, rule), start) for name, rule in breakers.items()}
        self._watches = tuple(self.watches.values())
        watched = frozenset[str]().union(*(watch.watches for watch in self.watches.values()))
        self.every_bar = "bars" in watched
        self.every_equity = "equity" in watched
        self.awake = bool(self.watches)
        self.first_expiry_ns = _NEVER  # when the first trip in force ends
        self._account = account

    def check_of(self, named: NamedRule) -> Any:
        """What an entry is put to: a breaker's trips and then its check, or just the check of a rule that is none."""
        watch = self.watches.get(named.name)
        return named.rule.check if watch is None else watch.check

    def must_ask(self) -> bool:
        """Whether some breaker watches what may have changed at this close, although no trade ended in its bar."""
        return self.every_bar or (self.every_equity and bool(self._account.positions))

    def is_calm(self, market: Market) -> bool:
        """Whether the trade that has just ended trips no breaker; only asked when nothing watches bars or equity.

        Where it is not, ``ask`` puts the question once more: breakers own no state, so the answer is the same.
        """
        account = self._account
        for watch in self._watches:
            if watch.trips or (watch.on_trades and watch.trip(account, market, watch.reference) is not None):
                return False
        return True

    def ask(self, market: Market, ended: bool) -> list[tuple[str, Trip]]:
        """Expire what has passed, then ask every breaker whose watched thing changed; returns what tripped."""
        account, tripped = self._account, []
        equity_moved = ended or bool(account.positions)
        expiring = account.now_ns >= self.first_expiry_ns
        for watch in self._watches:
            if watch.trips:
                if watch.expire(account.now_ns):
                    watch.reference = Reference(account.now_ns, len(account.trades), account.equity)
                if any(not trip.symbols for trip in watch.trips):
                    continue
            if not ((ended and watch.on_trades) or watch.on_bars or (watch.on_equity and equity_moved)):
                continue
            if watch.on_level and account.equity > watch.reference.peak:
                watch.reference = Reference(watch.reference.time_ns, watch.reference.trades, account.equity)
            answer = watch.trip(account, market, watch.reference)
            if answer is None:
                continue
            for trip in (answer,) if isinstance(answer, Trip) else answer:
                admitted = watch.admit(trip, account.now_ns)
                if admitted is not None:
                    tripped.append((watch.name, admitted))
        if tripped or expiring:
            self.first_expiry_ns = min((trip.until_ns for trip in self.in_force()), default=_NEVER)
        return tripped

    def in_force(self) -> list[Trip]:
        """The trips whose time has not passed."""
        return [trip for watch in self.watches.values() for trip in watch.trips]
