"""A run that ends and begins anew: the history up to now gives it the breakers back that were in force."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import attrs
import pytest

from quantsail_framework.domain.order import Trip
from quantsail_framework.engine import Simulation, replay
from quantsail_framework.engine.market import ClosedMarket, all_moments
from quantsail_framework.engine.records import record
from quantsail_framework.engine.simulated_broker import SimulatedBroker
from quantsail_framework.engine.simulation import make_dealer
from quantsail_framework.engine.trader import BrokeredDealer, RollingFeed, Trader
from quantsail_framework.plugins import load_registry
from quantsail_framework.testing.markets import other_future
from tests.engine.pipelines import prepared, rows
from tests.engine.test_reference import assert_identical
from tests.reference.values import Market
from tests.reference.worked import HOUR, A, Bar, account, at, long, market

STOPPED: Bar = (100.0, 100.0, 94.0, 100.0)  # a stop of 95 is hit in it
WON: Bar = (100.0, 110.0, 100.0, 100.0)
SPANS_5: Bar = (100.0, 105.0, 100.0, 100.0)
SPANS_12: Bar = (100.0, 106.0, 94.0, 100.0)
MORNING = tuple(range(8))
# To the end of a day and beyond: the decision of 23:00 is made at midnight, on the new day.
WHOLE_DAY = (0, 1, 2, 3, 21, 22, 23, 24, 25)


def series(bars: dict[int, Bar], hours: Sequence[int] = MORNING, stop: float = 95.0) -> Market:
    """Stands still at 100 but for ``bars``; every bar says long. The target of 110 is hit in a bar that reaches it."""
    signals = {place: long(stop, 110.0) for place in range(len(hours))}
    return market(A, [bars.get(hour, 100.0) for hour in hours], signals, times=list(hours))


@attrs.frozen
class Case:
    """A rule that has tripped before the hour ``cut``; ``taken`` is the hour of the first signal after its time."""

    options: dict[str, Any]
    market: Market
    cut: int
    taken: int
    limit: float | None
    value: float


# 10 units lose 50 in bar 1, 9.95 units 49.75 in bar 2: 99.75, which is 0.9975 % of 10,000.
TWICE = series({1: STOPPED, 2: STOPPED})
TWICE_A_DAY = series({1: STOPPED, 2: STOPPED}, WHOLE_DAY)
CASES = {
    "max-consecutive-losses": Case({"limit": 2, "duration": 3 * HOUR}, TWICE, 4, 5, 2, 2),
    "stop-loss-guard": Case({"limit": 2, "window": 6 * HOUR, "duration": 3 * HOUR}, TWICE, 4, 5, 2, 2),
    "max-drawdown": Case({"pct": 0.9, "duration": 3 * HOUR}, TWICE, 4, 5, 0.9, 0.9975),
    "cooldown": Case({"duration": 3 * HOUR}, series({1: STOPPED}), 3, 4, None, 50.0),
    "max-daily-loss": Case({"limit": 90.0}, TWICE_A_DAY, 21, 23, 90.0, 99.75),
    "daily-target": Case({"target": 100.0}, series({1: WON}, WHOLE_DAY), 21, 23, 100.0, 100.0),
    # Bar 3 spans 12, more than twice the 5 of the bar before. Until bar 2 the rule is not ready.
    "volatility-spike": Case(
        {"atr_period": 1, "atr_multiple": 2.0, "needs": 3, "duration": 3 * HOUR, "action": "flatten"},
        series(dict.fromkeys((0, 1, 2), SPANS_5) | {3: SPANS_12}, stop=80.0),
        5,
        6,
        10.0,
        12.0,
    ),
}


@attrs.define
class ClockTo:
    """Walks through the moments before ``now_ns``; asked again with a later one, goes on from there."""

    times: list[int]
    now_ns: int = 0
    walked: int = 0

    def moments(self) -> Iterator[int]:
        while self.walked < len(self.times) and self.times[self.walked] < self.now_ns:
            self.walked += 1
            yield self.times[self.walked - 1]


class Process:
    """One run of a pipeline as paper and live have it: components, account, broker and clock of its own."""

    def __init__(self, name: str, future: int | None = None) -> None:
        case = CASES[name]
        self.pipeline, self.data = prepared([case.market], account(rules=[(name, case.options)]))
        if future is not None:  # other candles from then on
            changed = {symbol: other_future(bars, future, seed=1) for symbol, bars in self.data.bars.items()}
            self.data = attrs.evolve(self.data, bars=changed)
        closed = ClosedMarket(self.data.bars, self.data.timeframe, {})
        rules = make_dealer(self.pipeline, self.data, closed, "stop_first", None, columns={})
        self.dealer = BrokeredDealer(rules, SimulatedBroker(rules.desk.price, False))
        self.clock = ClockTo(all_moments([bars.time for bars in self.data.bars.values()]).tolist())
        feed = RollingFeed(self.pipeline.strategy, self.data.warmup)
        self.trader = Trader(self.pipeline.strategy, self.dealer, feed, self.clock, None)

    def go_on_to(self, now_ns: int) -> None:
        self.clock.now_ns = now_ns
        self.trader.run(None, None)

    def in_force(self) -> list[Trip]:
        return self.dealer.watchdog.in_force()

    def tables(self) -> Simulation:
        return record(self.dealer.account, self.dealer.desk.refusals, self.data)


def test_every_breaker_has_a_case() -> None:
    registry = load_registry()
    rules = registry.components("risk-rule")
    assert set(CASES) == {name for name in rules if hasattr(registry.load("risk-rule", name), "trip")}


@pytest.mark.parametrize("name", CASES)
def test_d110_a_restart_by_replay_finds_the_breaker_in_force(name: str) -> None:
    case = CASES[name]
    place = case.market.time.index(at(case.cut))
    ended = Process(name, future=place - 1)
    ended.go_on_to(at(case.cut))
    (trip,) = ended.in_force()
    assert trip.until_ns > at(case.cut)

    anew = Process(name)
    assert anew.in_force() == []
    anew.go_on_to(at(case.cut))  # the history
    assert anew.in_force() == [trip]

    anew.go_on_to(at(1_000))  # and what comes
    tables = anew.tables()
    refused = [row for row in rows(tables.refusals) if row["time"] >= at(case.cut)]
    hours = [time for time in case.market.time if at(case.cut) <= time < at(case.taken)]
    assert [row["time"] for row in refused] == hours
    assert {row["rule"] for row in refused} == {name}
    assert {row["limit"] for row in refused} == {case.limit}
    assert [row["value"] for row in refused] == pytest.approx([case.value] * len(hours))
    later = [row["signal_time"] for row in rows(tables.trades) if row["signal_time"] >= at(case.cut)]
    assert later[0] == at(case.taken)
    uninterrupted = Process(name)
    assert_identical(tables, replay(uninterrupted.pipeline, uninterrupted.data))
