"""RiskRuleContract passes honest rules and breakers, and catches silence, state and trips that never end well."""

from __future__ import annotations

import itertools
import math
from typing import Any

import attrs
import pytest
from attrs.validators import ge

from quantsail_framework import Breach, Market, Portfolio, Reference, Request, Trip
from quantsail_framework.testing import RiskRuleContract
from tests.testing_kit.kit import failure, run_all, suite

MINUTE_NS = 60_000_000_000


@attrs.frozen
class MaxTrades:
    """Honest rule."""

    limit: int = attrs.field(default=3, validator=ge(0), metadata={"doc": "trades a day"})

    def check(self, request: Request, portfolio: Portfolio, market: Market) -> Breach | str | None:
        if portfolio.trades_today < self.limit:
            return None
        return Breach(
            f"{portfolio.trades_today} trades today; the limit is {self.limit}", self.limit, portfolio.trades_today
        )


@attrs.frozen
class LossBreaker(MaxTrades):
    """Honest breaker."""

    @property
    def watches(self) -> tuple[str, ...]:
        return ("trades",)

    def trip(self, portfolio: Portfolio, market: Market, reference: Reference) -> Trip | None:
        losers = sum(net < 0 for net in portfolio.closed_net_pnl[reference.trades :])
        return Trip(portfolio.day_end_ns, f"{losers} losing trades", "flatten") if losers > self.limit else None


@pytest.mark.parametrize("honest", [MaxTrades, LossBreaker])
def test_honest_rules_pass(honest: type[Any]) -> None:
    run_all(suite(RiskRuleContract, honest))


def test_breaker_cases_are_skipped_for_a_plain_rule() -> None:
    with pytest.raises(pytest.skip.Exception, match="it is no breaker"):
        suite(RiskRuleContract, MaxTrades).test_rr07_trip_ends_later()


def answering(answer: Any) -> type[Any]:
    """A rule that always gives ``answer``."""

    @attrs.frozen
    class Answers(MaxTrades):
        def check(self, request: Request, portfolio: Portfolio, market: Market) -> Any:
            return answer

    globals()["Answers"] = Answers
    return Answers


@pytest.mark.parametrize(
    "answer, problem",
    [
        (False, "check returned False (notional "),
        ("", "check refuses without a text (notional "),
        (Breach(" "), "check refuses without a text (notional "),
        (Breach("too much", limit=math.nan), "the limit of the Breach is nan"),
        (Breach("too much", value=math.inf), "the value of the Breach is inf"),
        (Breach("too much", rule=""), "the rule of the Breach is ''"),
    ],
)
def test_answers_that_tell_nothing_are_caught(answer: Any, problem: str) -> None:
    assert problem in failure(suite(RiskRuleContract, answering(answer)).test_rr01_answers_none_or_why)


CALLS = itertools.count(1)


@attrs.frozen
class CountsItself(MaxTrades):
    """The seed's rule: counts what it was asked, not what was traded."""

    def check(self, request: Request, portfolio: Portfolio, market: Market) -> Breach | str | None:
        return "enough" if next(CALLS) > self.limit else None


@attrs.frozen
class Empties(MaxTrades):
    def check(self, request: Request, portfolio: Any, market: Market) -> Breach | str | None:
        portfolio.positions.clear()
        portfolio.trades_today += 1
        return None


@attrs.frozen
class NeedsBars(MaxTrades):
    warmup: int = attrs.field(default=20, metadata={"doc": "bars"})

    def check(self, request: Request, portfolio: Portfolio, market: Market) -> Breach | str | None:
        return "it fell" if market.closed(market.symbol, 20).close[-20] > request.price else None


@attrs.frozen
class DailyBars(MaxTrades):
    warmup: float = attrs.field(default=math.nan, metadata={"doc": "bars"})


def test_d107_state_in_a_rule_is_caught() -> None:
    text = failure(suite(RiskRuleContract, CountsItself).test_rr02_deterministic)
    assert "the answer was None and is now 'enough'" in text


def test_changing_the_portfolio_is_caught() -> None:
    text = failure(suite(RiskRuleContract, Empties).test_rr03_reads_only)
    assert "check changed portfolio." in text
    assert "portfolio.trades_today" in text


@attrs.frozen
class Writes(MaxTrades):
    """Writes to the closed trades, which are the engine's own list."""

    column: str = attrs.field(default="trades", metadata={"doc": "what it writes to"})

    def check(self, request: Request, portfolio: Portfolio, market: Market) -> Breach | str | None:
        getattr(portfolio, self.column).append(0.0)
        return None


@pytest.mark.parametrize("column", ["trades", "closed_net_pnl", "closed_reasons", "closed_times_ns"])
def test_writing_to_the_closed_trades_is_caught(column: str) -> None:
    text = failure(suite(RiskRuleContract, Writes, options={"column": column}).test_rr03_reads_only)
    assert f"check changed portfolio.{column}" in text


def test_rules_that_fail_without_history_are_caught() -> None:
    with pytest.raises(IndexError) as caught:
        suite(RiskRuleContract, NeedsBars).test_rr04_short_histories()
    assert "RR-04 of the risk-rule contract" in caught.value.__notes__[0]


def test_warmup_must_be_a_number() -> None:
    tested = suite(RiskRuleContract, DailyBars, build=lambda self: DailyBars())
    assert "warmup is nan" in failure(tested.test_rr05_warmup_is_a_number)


def tripping(**values: Any) -> type[Any]:
    """A breaker that always trips; ``values`` made of the market replace those of its Trip."""

    @attrs.frozen
    class Trips(LossBreaker):
        def trip(self, portfolio: Portfolio, market: Market, reference: Reference) -> Any:
            given: dict[str, Any] = {"until_ns": market.now_ns + MINUTE_NS, "reason": "too many losses"}
            return Trip(**(given | {name: make(market) for name, make in values.items()}))

    globals()["Trips"] = Trips
    return Trips


@pytest.mark.parametrize(
    "field, make, problem",
    [
        ("until_ns", lambda market: market.now_ns, "which is not after now ("),
        ("reason", lambda market: "", "trip gives no reason"),
        ("action", lambda market: "panic", "the action of trip is 'panic'"),
        ("value", lambda market: math.nan, "the value of the Trip is nan"),
        ("symbols", lambda market: ("DOGE/USDT",), "trip names DOGE/USDT, which the run does not have"),
    ],
)
def test_trips_without_effect_are_caught(field: str, make: Any, problem: str) -> None:
    assert problem in failure(suite(RiskRuleContract, tripping(**{field: make})).test_rr07_trip_ends_later)


@attrs.frozen
class WatchesNews(LossBreaker):
    @property
    def watches(self) -> tuple[str, ...]:
        return ("news",)


@attrs.frozen
class WatchesOnly(MaxTrades):
    @property
    def watches(self) -> tuple[str, ...]:
        return ("trades",)


@attrs.frozen
class CountsTrips(LossBreaker):
    def trip(self, portfolio: Portfolio, market: Market, reference: Reference) -> Trip | None:
        return Trip(market.now_ns + next(CALLS) * MINUTE_NS, "longer each time")


def test_a_breaker_watches_what_exists() -> None:
    case = suite(RiskRuleContract, WatchesNews).test_rr06_breaker_watches_something
    assert "watches is ('news',); it must name some of trades, equity, bars" in failure(case)
    case = suite(RiskRuleContract, WatchesOnly).test_rr06_breaker_watches_something
    assert "a breaker has both watches and trip; this has one of them" in failure(case)


def test_d110_a_breaker_that_keeps_count_is_caught() -> None:
    text = failure(suite(RiskRuleContract, CountsTrips).test_rr08_trip_reads_only_and_repeats)
    assert "trip was Trip(" in text
