"""The contract of risk rules and breakers: a reason or none, from state that is only read."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import attrs
import pytest

from quantsail_framework.domain.order import Breach, Reference, Trip
from quantsail_framework.ports.warmup import declared_warmup
from quantsail_framework.testing.accounts import (
    Situation,
    expect_unchanged,
    extreme_situations,
    figures,
    situations,
)
from quantsail_framework.testing.compiled import check_verdicts
from quantsail_framework.testing.contract import Contract, case, expect
from quantsail_framework.testing.fakes import CAPITAL, FakeMarket
from quantsail_framework.testing.markets import START_NS

SITUATIONS = 300
TRIALS = 20
BARS = 400
WATCHES = ("trades", "equity", "bars")


class RiskRuleContract(Contract, suite=True):
    """Cases for ``RiskRule``, and for ``Breaker`` where the rule has ``trip``; asked in 300 random situations."""

    kind: ClassVar[str] = "risk-rule"
    methods: ClassVar[Mapping[str, int]] = {"check": 3}

    def situations(self, count: int, seed: int) -> Iterator[Situation]:
        """Random situations with as many closed bars as the rule needs, and more."""
        return situations(count, seed, bars=BARS + 2 * declared_warmup(self.build()))

    def questions(self) -> Any:
        """The seed of the situations, which hold functions and cannot be sent, and the bars they need."""
        return 6, BARS + 2 * declared_warmup(self.build())

    @staticmethod
    def replies(component: Any, questions: Any) -> Mapping[str, Any]:
        """The answer about some entries, and whether a breaker trips."""
        seed, bars = questions
        told = {}
        for number, asked in enumerate(situations(TRIALS, seed, bars=bars)):
            told[f"check {_words(asked)} ({number})"] = component.check(asked.request, asked.portfolio, asked.market)
            if hasattr(component, "trip"):
                told[f"trip {_words(asked)} ({number})"] = trip_of(component, asked)
        return told

    def ask(self, rule: Any, situation: Situation) -> Any:
        """The rule's answer about an entry."""
        return rule.check(situation.request, situation.portfolio, situation.market)

    def trip(self, rule: Any, situation: Situation) -> Any:
        """A breaker's answer, counting from the start of the run."""
        return trip_of(rule, situation)

    def breaker(self) -> Any:
        """The rule, where it is a breaker; else the case is skipped."""
        rule = self.build()
        if not hasattr(rule, "trip"):
            pytest.skip(f"{self.component} is no breaker")
        return rule

    def try_out(self, component: Any) -> None:
        """Ask about some entries, and whether a breaker trips."""
        for situation in self.situations(TRIALS, 6):
            _expect_answer(self.ask(component, situation), _words(situation))
            if hasattr(component, "trip"):
                _expect_trip(self.trip(component, situation), situation.market, _words(situation))

    @case("RR-01")
    def test_rr01_answers_none_or_why(self) -> None:
        """``check`` returns None, or a Breach or text that tells the user which limit and which value; the numbers of
        a Breach are finite. Formatting None or dividing by an equity of zero are the usual causes."""
        rule = self.build()
        for situation in self.situations(SITUATIONS, 0):
            _expect_answer(self.ask(rule, situation), _words(situation))

    @case("RR-02")
    def test_rr02_deterministic(self) -> None:
        """The same question gives the same answer, whatever was asked before: the portfolio and the market hold the
        state, the rule none; time is market.now_ns."""
        rule = self.build()
        asked = list(self.situations(SITUATIONS, 1))
        first = [self.ask(rule, situation) for situation in asked]
        for situation, before in reversed(list(zip(asked, first, strict=True))):
            again = self.ask(self.build() if situation is asked[0] else rule, situation)
            expect(again == before, f"the answer was {before!r} and is now {again!r} {_words(situation)}")

    @case("RR-03")
    def test_rr03_reads_only(self) -> None:
        """The portfolio belongs to the engine: a rule reads it and keeps nothing."""
        rule = self.build()
        for situation in self.situations(SITUATIONS, 2):
            before = figures(situation.portfolio)
            self.ask(rule, situation)
            expect_unchanged("check", before, situation.portfolio)

    @case("RR-04")
    def test_rr04_short_histories(self) -> None:
        """With fewer closed bars than it needs, even none, a rule approves or refuses (with a Breach whose
        ``rule`` is ``not_ready``) and never raises."""
        rule = self.build()
        for situation in self.situations(10, 3):
            whole = {name: situation.market.closed(name, 3) for name in situation.market.symbols}
            for size in range(4):
                market = FakeMarket(
                    {name: bars.slice(0, size) for name, bars in whole.items()}, situation.market.now_ns
                )
                answer = self.ask(rule, attrs.evolve(situation, market=market))
                _expect_answer(answer, f"with {size} closed bars")
                if hasattr(rule, "trip"):
                    _expect_trip(
                        self.trip(rule, attrs.evolve(situation, market=market)), market, f"with {size} closed bars"
                    )

    @case("RR-05")
    def test_rr05_warmup_is_a_number(self) -> None:
        """``warmup``, where the rule has it, is a whole number of bars, zero or more."""
        warmup = declared_warmup(self.build())
        expect(type(warmup) is int and warmup >= 0, f"warmup is {warmup!r}")

    @case("RR-06")
    def test_rr06_breaker_watches_something(self) -> None:
        """A breaker names in ``watches`` what can trip it, a tuple of trades, equity and bars: it is asked at no
        other close. A rule with ``watches`` and without ``trip`` would never act."""
        rule = self.build()
        expect(
            hasattr(rule, "watches") == hasattr(rule, "trip"),
            "a breaker has both watches and trip; this has one of them",
        )
        watches = self.breaker().watches
        known = isinstance(watches, tuple) and set(watches) <= set(WATCHES)
        expect(known and watches, f"watches is {watches!r}; it must name some of {', '.join(WATCHES)}")

    @case("RR-07")
    def test_rr07_trip_ends_later(self) -> None:
        """``trip`` returns None, a Trip, or several: until after now (market.now_ns), with a reason, for symbols of the
        run. A duration of zero would refuse nothing."""
        rule = self.breaker()
        for situation in self.situations(SITUATIONS, 4):
            _expect_trip(self.trip(rule, situation), situation.market, _words(situation))

    @case("RR-08")
    def test_rr08_trip_reads_only_and_repeats(self) -> None:
        """A breaker keeps no count of its own: the same account, market and reference give the same answer, so that
        a restart finds the state again by replaying history."""
        rule = self.breaker()
        for situation in self.situations(SITUATIONS, 5):
            before = figures(situation.portfolio)
            first, again = self.trip(rule, situation), self.trip(self.build(), situation)
            expect(first == again, f"trip was {first!r} and is now {again!r} {_words(situation)}")
            expect_unchanged("trip", before, situation.portfolio)

    @case("RR-09")
    def test_rr09_extreme_situations(self) -> None:
        """A market of one price, of 1e-8 or 1e12, of closes ten times away or without volume, and accounts from a
        millionth to a quadrillion, also in debt: an answer like any other, with numbers that are finite."""
        rule = self.build()
        for situation in extreme_situations(declared_warmup(rule)):
            where = _words(situation)
            _expect_answer(self.ask(rule, situation), where)
            if hasattr(rule, "trip"):
                _expect_trip(self.trip(rule, situation), situation.market, where)

    @case("RR-10")
    def test_rr10_compiled_form_agrees(self) -> None:
        """``compiled``, where the rule has it, gives a form that can be compiled and answers with the same limit, value
        and text; of a breaker also its trips: keep the order of the operations."""
        rule = self.build()
        check_verdicts(rule, self.situations(SITUATIONS, 8), trip_of)
        check_verdicts(rule, extreme_situations(declared_warmup(rule)), trip_of)


def trip_of(rule: Any, situation: Situation) -> Any:
    """A breaker's answer, counting from the start of the run."""
    account = situation.portfolio
    seen = Reference(time_ns=START_NS, trades=0, peak=max(CAPITAL, account.equity))
    return rule.trip(account, situation.market, seen)


def _expect_answer(answer: Any, where: str) -> None:
    expect(
        answer is None or isinstance(answer, Breach | str),
        f"check returned {answer!r} {where}; it may return None, a Breach or text",
    )
    text = answer.text if isinstance(answer, Breach) else answer
    expect(text is None or (isinstance(text, str) and text.strip()), f"check refuses without a text {where}")
    if isinstance(answer, Breach):
        _expect_numbers(answer, where)
        rule: Any = answer.rule
        named = rule is None or (isinstance(rule, str) and rule.strip())
        expect(named, f"the rule of the Breach is {rule!r} {where}; it may be None or a word such as not_ready")


def _expect_numbers(answer: Breach | Trip, where: str) -> None:
    for name in ("limit", "value"):
        number = getattr(answer, name)
        known = number is None or math.isfinite(number)
        expect(known, f"the {name} of the {type(answer).__name__} is {number} {where}")


def _expect_trip(answer: Any, market: Any, where: str) -> None:
    trips = [answer] if isinstance(answer, Trip) else [] if answer is None else answer
    possible = isinstance(trips, list | tuple) and all(isinstance(trip, Trip) for trip in trips)
    expect(possible, f"trip returned {answer!r} {where}; it may return None, a Trip, or several in a list")
    for trip in trips:
        _expect_possible(trip, market, where)


def _expect_possible(trip: Trip, market: Any, where: str) -> None:
    expect(
        trip.until_ns > market.now_ns, f"trip ends at {trip.until_ns}, which is not after now ({market.now_ns}) {where}"
    )
    expect(trip.reason.strip(), f"trip gives no reason {where}")
    expect(
        trip.action in ("refuse", "flatten"),
        f"the action of trip is {trip.action!r} {where}; it may be refuse or flatten",
    )
    _expect_numbers(trip, where)
    foreign = sorted(set(trip.symbols) - set(market.symbols))
    expect(not foreign, f"trip names {', '.join(foreign)}, which the run does not have, {where}")


def _words(situation: Situation) -> str:
    asked, account = situation.request, situation.portfolio
    return (
        f"(notional {asked.notional:.6g}, side {asked.side}, equity {account.equity:.6g}, {account.open_count} open, "
        f"{account.trades_today} trades today)"
    )
