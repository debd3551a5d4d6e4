"""One account whose parameters change with time, on a market that stands still: every fill worked by hand."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import pytest

from quantsail_framework import Bars, Signals, Timeframe
from quantsail_framework.config.vary import vary
from quantsail_framework.domain.order import Reference, Request, Trip
from quantsail_framework.domain.portfolio import Portfolio
from quantsail_framework.domain.signals import Adjust, Enter, Exit
from quantsail_framework.domain.trade import Position
from quantsail_framework.engine import load_market, simulate
from quantsail_framework.errors import PipelineError
from quantsail_framework.ports.market import Market
from quantsail_framework.ports.runner import DataSpec, NamedRule, Pipeline
from quantsail_framework.ports.strategy import BarView
from quantsail_framework.search.study import Study, Trial
from quantsail_framework.testing.examples import example_pipeline, example_session
from quantsail_framework.testing.fakes import FakeSource, FakeStrategy
from quantsail_framework.testing.markets import random_walk
from quantsail_walk_forward.out_of_sample import OutOfSample, one_account
from quantsail_walk_forward.stitching import check_can_be_stitched, stitched
from quantsail_walk_forward.training import Choice, item
from quantsail_walk_forward.windows import Window

HOUR = 3_600_000_000_000
DAY = 24 * HOUR


@attrs.frozen
class Hours:
    """Buys at the close of one hour's bar and leaves at that of another; 99 is no hour."""

    enter: int = 99
    leave: int = 99
    stop: float = 90.0
    warmup: int = 0

    def signals(self, bars: Bars) -> Signals:
        hour = bars.time // HOUR % 24
        stops = np.full(len(bars), self.stop)
        said = f"{self.enter} to {self.leave}"
        return Signals((hour == self.enter).astype(np.int8), stops, exit=hour == self.leave, reason=lambda _: said)


@attrs.frozen
class HoursBarByBar:
    """The same, asked at each close."""

    enter: int = 99
    leave: int = 99
    stop: float = 90.0
    warmup: int = 0

    def prepare(self, bars: Bars) -> dict[str, Any]:
        return {"hour": bars.time // HOUR % 24, "enter": np.full(len(bars), self.enter)}

    def on_bar(self, view: BarView, position: Position | None) -> Enter | Exit | Adjust | None:
        if position is None:
            enters = view.now("hour") == view.now("enter")  # of what this one has prepared, and no other
            return Enter(1, self.stop, reason=f"{self.enter} to {self.leave}") if enters else None
        return Exit() if view.now("hour") == self.leave else None


@attrs.frozen
class AtMost:
    """Refuses entries while so many trades have been made."""

    trades: int = 100

    def check(self, request: Request, portfolio: Portfolio, market: Market) -> str | None:
        return "enough" if len(portfolio.trades) >= self.trades else None


@attrs.frozen
class Pause(AtMost):
    """Trips for some hours after every trade."""

    hours: int = 1
    watches: tuple[str, ...] = attrs.field(default=("trades",), init=False)

    def trip(self, portfolio: Portfolio, market: Market, reference: Reference) -> Trip | None:
        return Trip(market.now_ns + self.hours * HOUR, "pause")


def pipeline(strategy: Any, **parts: Any) -> Pipeline:
    hours = np.arange(6 * 24)
    flat = np.full(len(hours), 100.0)
    bars = Bars("TEST/USDT", Timeframe("1h"), hours * HOUR, flat, flat + 5, flat - 5, flat, np.ones(len(hours)))
    spec = DataSpec(("TEST/USDT",), Timeframe("1h"))
    return example_pipeline(**{"strategy": strategy, "data": spec, "source": FakeSource({"TEST/USDT": bars})} | parts)


def choices(*parameters: dict[str, Any] | None, embargo: int = 0) -> list[Choice]:
    """Windows of a day's test each, from day 2 on; None stays flat."""
    made = []
    for number, values in enumerate(parameters):
        test = (2 + number) * DAY
        window = Window(number + 1, test - 2 * DAY, test, test, test + DAY)
        chosen = None if values is None else Trial(item(window, values), "ok", "", 1.0, {"total_return": 0.1})
        made.append(Choice(window, [], chosen))
    return made


def traded(of: Pipeline, *parameters: dict[str, Any] | None) -> OutOfSample:
    return one_account(Study(of, load_market(of)), choices(*parameters), example_session())


def hours(out: OutOfSample) -> list[tuple[int, int, str, int]]:
    """(hour of the entry, of the exit, why, window) of each trade, hours from the beginning of the data."""
    trades = out.simulation.trades
    columns = (trades["entry_time"] // HOUR, trades["exit_time"] // HOUR, trades["exit_reason"], trades["window"])
    return list(zip(*(column.tolist() for column in columns), strict=True))


DAYS = {"strategy.enter": 20, "strategy.leave": 22}
EARLY = {"strategy.enter": 99, "strategy.leave": 5}
OVER_NIGHT = {"strategy.enter": 20, "strategy.leave": 19}
LATE = {"strategy.enter": 23, "strategy.leave": 2}


@pytest.mark.parametrize("strategy", [Hours(), HoursBarByBar()])
@pytest.mark.parametrize(
    ("windows", "expected"),
    [
        # Day 2 begins with hour 48: in at the open after the close of its 20th hour, out after that of its 22nd.
        ([DAYS, DAYS], [(69, 71, "signal", 1), (93, 95, "signal", 2)]),
        # What the first window opens leaves by the hour of the second, which is in force then.
        ([OVER_NIGHT, EARLY], [(69, 78, "signal", 1)]),
        # In a flat window the parameters before it stay in force for what they opened; nothing is entered.
        ([OVER_NIGHT, None], [(69, 92, "signal", 1)]),
        ([None, OVER_NIGHT, None], [(93, 116, "signal", 2)]),
        # Two flat windows are passed over, and the position lives on until the data end.
        ([{"strategy.enter": 20}, None, None], [(69, 119, "end_of_data", 1)]),
        # The last bar of a window decides by its own parameters; its trade belongs to it.
        ([LATE, EARLY], [(72, 78, "signal", 1)]),
        ([LATE, None], [(72, 75, "signal", 1)]),
        ([EARLY, LATE, None], [(96, 99, "signal", 2)]),
        ([None, None], []),
    ],
)
def test_each_bar_belongs_to_the_parameters_of_its_window(
    strategy: Any, windows: list[Any], expected: list[tuple[int, int, str, int]]
) -> None:
    assert hours(traded(pipeline(strategy), *windows)) == expected


def test_a_position_keeps_the_levels_that_it_was_opened_with() -> None:
    # The lows are 95: the stop at 96 is touched at once, that at 90 never, whatever the next window's would be.
    out = traded(pipeline(Hours()), {**OVER_NIGHT, "strategy.stop": 90.0}, {**EARLY, "strategy.stop": 96.0})
    assert out.simulation.trades["stop"].tolist() == [90.0]
    assert hours(out) == [(69, 78, "signal", 1)]
    out = traded(pipeline(Hours()), {**DAYS, "strategy.stop": 96.0}, {**DAYS, "strategy.stop": 90.0})
    assert hours(out) == [(69, 69, "stop", 1), (93, 95, "signal", 2)]


def test_reasons_are_those_of_the_strategy_that_spoke() -> None:
    out = traded(pipeline(Hours()), DAYS, {"strategy.enter": 3, "strategy.leave": 5})
    assert out.simulation.trades["reason"].tolist() == ["20 to 22", "3 to 5"]


def test_the_equity_of_a_window_is_that_between_its_edges() -> None:
    out = traded(pipeline(Hours()), OVER_NIGHT, EARLY)
    # 1,000 at 10 basis points: the entry is paid in window 1, the exit in window 2, where it was opened by window 1.
    assert [part.equity_return for part in out.windows] == pytest.approx([-1 / 10_000, -1 / 9_999])
    assert [part.trades for part in out.windows] == [1, 0]
    assert [part.net_pnl for part in out.windows] == pytest.approx([-2.0, 0.0])
    assert not any(part.positive for part in out.windows)


def test_sizers_change_with_the_window() -> None:
    out = traded(pipeline(Hours()), {**DAYS, "sizer.share": 0.1}, {**DAYS, "sizer.share": 0.5})
    first, second = out.simulation.trades["quantity"].tolist()
    assert first == pytest.approx(10.0)
    assert second == pytest.approx(0.5 * (10_000 - 2.0) / 100)


def test_rules_change_with_the_window() -> None:
    rules = (NamedRule("at-most", AtMost()),)
    path = "risk.at-most.trades"
    windows = ({**DAYS, path: 1}, {**DAYS, path: 1}, {**DAYS, path: 5})
    out = traded(pipeline(Hours(), risk=rules, resolved={"risk": [{"use": "at-most"}]}), *windows)
    assert [window for *_, window in hours(out)] == [1, 3]
    assert out.simulation.refusals["time"].tolist() == [(3 * 24 + 20) * HOUR]


def test_breakers_change_with_the_window_and_trips_outlive_it() -> None:
    rules = (NamedRule("pause", Pause()),)
    path = "risk.pause.hours"
    windows = ({**DAYS, path: 48}, {**DAYS, path: 1}, {**DAYS, path: 1})
    out = traded(pipeline(Hours(), risk=rules, resolved={"risk": [{"use": "pause"}]}), *windows)
    # Tripped at the close of hour 71 for two days, which the second window's breaker does not shorten.
    assert hours(out) == [(69, 71, "signal", 1)]
    assert (out.simulation.refusals["time"] // HOUR).tolist() == [92, 116]
    short = ({**DAYS, path: 1}, {**DAYS, path: 48}, {**DAYS, path: 48})
    out = traded(pipeline(Hours(), risk=rules, resolved={"risk": [{"use": "pause"}]}), *short)
    assert [window for *_, window in hours(out)] == [1, 2]


def test_what_is_not_varied_stays_as_it_is() -> None:
    of = pipeline(Hours(), risk=(NamedRule("at-most", AtMost()),))
    made = stitched(of, choices(DAYS, None, EARLY), HOUR)
    assert made.sizer is of.sizer
    assert made.costs is of.costs
    assert made.risk[0].rule is of.risk[0].rule


def test_the_largest_warm_up_of_all_windows_counts() -> None:
    made = stitched(pipeline(Hours()), choices({**DAYS, "strategy.warmup": 7}, {**DAYS, "strategy.warmup": 30}), HOUR)
    assert getattr(made.strategy, "warmup", 0) == 30


@attrs.frozen
class Smallest:
    """A sizer with a smallest order."""

    min_notional: float = 10.0


def test_a_smallest_order_that_changes_is_refused() -> None:
    of = pipeline(Hours(), sizer=Smallest())
    with pytest.raises(PipelineError, match="the sizer's min_notional holds for a whole account; set reset = true"):
        check_can_be_stitched(of, [{"sizer.min_notional": 5.0}, {"sizer.min_notional": 10.0}])
    check_can_be_stitched(vary(of, {"sizer.min_notional": 5.0}), [{"sizer.min_notional": 5.0}])


@pytest.mark.parametrize("seed", range(5))
def test_windows_that_all_choose_the_same_are_one_backtest(seed: int) -> None:
    bars = random_walk(seed, 6 * 24, "1h", gaps=True, silent_bars=True)
    bars = bars.with_checked(
        **{name: getattr(bars, name) for name in ("open", "high", "low", "close", "volume")},
        time=bars.time - bars.time[0],
    )
    spec = DataSpec(("TEST/USDT",), Timeframe("1h"), start_ns=2 * DAY, end_ns=5 * DAY)
    of = pipeline(FakeStrategy(every=3), source=FakeSource({"TEST/USDT": bars}), data=spec)
    plain = simulate(vary(of, {"strategy.every": 4}), load_market(of))
    whole = attrs.evolve(of, data=attrs.evolve(spec, start_ns=None, end_ns=None))
    out = traded(whole, *[{"strategy.every": 4}] * 3).simulation
    assert len(plain.trades["symbol"]) > 5
    for column, values in plain.trades.items():
        np.testing.assert_array_equal(out.trades[column], values, err_msg=column)
    for column, values in plain.equity.items():
        np.testing.assert_array_equal(out.equity[column], values, err_msg=column)
