"""What components answer is checked at the boundary, and named; what they may see ends at the bar."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import pytest

from quantsail_framework import Bars, Breach, Enter, Exit, Signals, Sizing, Trip
from quantsail_framework.engine import load_market, simulate
from quantsail_framework.errors import ComponentError
from quantsail_framework.ports.runner import NamedRule
from quantsail_framework.ports.strategy import BarView
from quantsail_framework.testing import markets
from quantsail_framework.testing.examples import example_pipeline
from quantsail_framework.testing.fakes import FakeSource

HOUR = 3_600_000_000_000


@attrs.frozen
class Fixed:
    """Answers with the columns given."""

    columns: dict[str, Any]
    warmup: int = 0
    asked: list[int] = attrs.field(factory=list)

    def signals(self, bars: Bars) -> Signals:
        self.asked.append(len(bars))
        defaults = {"entry": np.zeros(len(bars), np.int8), "stop": bars.close * 0.95}
        return Signals(**(defaults | {name: value(bars) for name, value in self.columns.items()}))


def run(**parts: Any) -> Any:
    pipeline = example_pipeline(**parts)
    return simulate(pipeline, load_market(pipeline))


def every(value: Any) -> Any:
    return lambda bars: np.full(len(bars), value)


@pytest.mark.parametrize(
    "columns, words",
    [
        ({"entry": every(0.7)}, r"signals.entry is 0.7 at .* UTC; it must be LONG \(1\), SHORT \(-1\) or 0"),
        ({"entry": every(257)}, r"signals.entry is 257 at"),
        ({"entry": every(2)}, r"signals.entry is 2 at"),
        ({"entry": lambda _bars: 2}, r"signals.entry is 2 at"),
        ({"entry": lambda _bars: "long"}, r"signals.entry holds 'long'; it must be LONG"),
        (
            {"entry": lambda _bars: None},
            r"signals.entry is None; it must be LONG \(1\), SHORT \(-1\) or 0 for each bar",
        ),
        ({"entry": every(1), "trail": every(-0.5)}, r"signals.trail is -0.5 at .*; it must be above zero, or NaN"),
        ({"entry": every(1), "trail": lambda _bars: 0.0}, r"signals.trail is 0.0 at"),
        ({"entry": every(1), "reason": lambda _bars: "up"}, "signals.reason is 'up'; it must be a function that words"),
        (
            {"entry": every(1), "max_bars": every(-3)},
            r"signals.max_bars is -3 at .*; it must be a number of bars, or 0",
        ),
        ({"entry": every(1), "max_bars": lambda _bars: -1}, r"signals.max_bars is -1 at"),
        ({"entry": every(1), "max_bars": every(np.nan)}, r"signals.max_bars is nan at"),
    ],
)
def test_d081_signals_are_typed_and_checked(columns: dict[str, Any], words: str) -> None:
    with pytest.raises(ComponentError, match=rf"Fixed.signals\(TEST/USDT\): {words}"):
        run(strategy=Fixed(columns))


def test_a_reason_is_a_text() -> None:
    columns = {"entry": every(1), "stop": lambda bars: bars.close * 0.5, "reason": lambda _bars: lambda _i: 5}
    with pytest.raises(ComponentError, match=r"signals\.reason answered 5; it must answer with a text"):
        run(strategy=Fixed(columns)).trades["reason"].tolist()


def test_d054_a_strategy_is_asked_once_for_all_bars() -> None:
    """Not once per bar over the whole history: the work grows with the bars and not with their square."""
    strategy = Fixed({})
    run(strategy=strategy)
    assert strategy.asked == [400]


@attrs.frozen
class Watcher:
    """Keeps what it saw, and tries to move its own stop behind the engine's back."""

    seen: list[Any] = attrs.field(factory=list)
    warmup: int = 20

    def prepare(self, bars: Bars) -> dict[str, Any]:
        return {"close": bars.close}

    def on_bar(self, view: BarView, position: Any) -> Enter | Exit | None:
        self.seen.append((view.index, len(view.bars), len(view.values("close")), view.time_ns, position is not None))
        if position is None:
            return Enter(1, view.close[-1] * 0.9)
        position.stop = 10**9
        return Exit() if view.index % 50 == 49 else None


def test_d082_a_bar_strategy_sees_its_position_and_the_clock_and_nothing_later() -> None:
    strategy = Watcher()
    result = run(strategy=strategy)
    assert strategy.seen[0][0] == 20
    assert all(count == index + 1 == values for index, count, values, _, _ in strategy.seen)
    assert {True, False} == {held for *_, held in strategy.seen}
    assert set(result.trades["exit_reason"]) <= {"signal", "stop", "end_of_data"}
    assert len(result.trades["symbol"]) < 20  # a stop far above the market would end each trade at once


def test_d083_a_strategy_declares_its_options_and_its_warmup() -> None:
    from quantsail_framework.config import options_of
    from quantsail_trend.strategy import TrendStrategy

    names = {option.name for option in options_of(TrendStrategy)}
    assert {"atr_period", "adx_period", "ma_period", "lookback"} <= names
    assert TrendStrategy().warmup > 400
    assert TrendStrategy(ma_period=900).warmup == 899


@attrs.frozen
class Says:
    """A sizer, or a rule, that answers what it is told."""

    answer: Any

    def size(self, *_arguments: Any) -> Any:
        return self.answer

    def check(self, *_arguments: Any) -> Any:
        return self.answer


@pytest.mark.parametrize("answer", [5.0, None, Sizing(float("nan"), "x"), Sizing(-1.0, "x")])
def test_d103_a_sizer_that_gives_no_quantity_is_named(answer: Any) -> None:
    with pytest.raises(ComponentError, match=r"sizer Says gave .* for TEST/USDT; it must be a Sizing"):
        run(sizer=Says(answer))


def test_a_rule_that_answers_neither_yes_nor_no_is_named() -> None:
    with pytest.raises(ComponentError, match="risk rule 'odd' answered False for TEST/USDT"):
        run(risk=(NamedRule("odd", Says(False)),))
    refused = run(risk=(NamedRule("plain", Says("not today")), NamedRule("never", Says(Breach("never asked")))))
    assert set(refused.refusals["rule"]) == {"plain"}
    assert set(refused.refusals["text"]) == {"not today"}


def test_what_has_too_few_bars_refuses_as_not_ready() -> None:
    breach = Breach("5 bars have closed, 9 are needed", 9.0, 5.0, rule="not_ready")
    table = run(risk=(NamedRule("slow", Says(breach)),)).refusals
    assert set(table["rule"]) == {"not_ready"}
    assert set(table["text"]) == {"slow: 5 bars have closed, 9 are needed"}
    assert (set(table["limit"]), set(table["value"])) == ({9.0}, {5.0})
    assert set(run(sizer=Says(Sizing(0.0, "not_ready"))).refusals["rule"]) == {"not_ready"}
    assert set(run(sizer=Says(Sizing(0.0, "cash"))).refusals["rule"]) == {"sizer"}


@attrs.frozen
class Spikes:
    """Trips a market for ten bars at given bars, each market by itself."""

    at: dict[int, str]
    watches: tuple[str, ...] = ("bars",)

    def check(self, *_arguments: Any) -> None:
        return None

    def trip(self, portfolio: Any, market: Any, reference: Any) -> list[Trip]:
        number = len(market.closed("A/USDT", 1_000)) - 1
        symbol = self.at.get(number)
        until = market.now_ns + 10 * HOUR
        return [Trip(until, "spike", symbols=(symbol,), limit=1.0, value=2.0)] if symbol else []


def test_a_breaker_of_one_market_still_watches_the_others() -> None:
    """A spikes at bar 10 and B at bar 13: each is shut for its own ten bars."""
    series = {s: markets.random_walk(seed, 40, timeframe="1h", symbol=s) for seed, s in ((1, "A/USDT"), (2, "B/USDT"))}
    base = example_pipeline()
    spec = attrs.evolve(base.data, symbols=tuple(series), timeframe=series["A/USDT"].timeframe)
    result = run(
        data=spec,
        source=FakeSource(series),
        strategy=Fixed({"entry": every(1), "max_bars": every(1)}),
        risk=(NamedRule("spike", Spikes({10: "A/USDT", 13: "B/USDT"})),),
    )
    bars = {s: np.searchsorted(series[s].time, result.refusals["time"][result.refusals["symbol"] == s]) for s in series}
    assert set(bars["A/USDT"]) <= set(range(10, 20))
    assert set(bars["B/USDT"]) <= set(range(13, 23))
    assert len(bars["A/USDT"])
    assert len(bars["B/USDT"])
    assert set(result.refusals["limit"]) == {1.0}


def test_d111_a_position_ends_once() -> None:
    """An exit flag, and the stop in the next bar: the market exit at its open comes first, and only it is booked."""
    size = 6
    price = np.array([100.0, 100.0, 100.0, 100.0, 100.0, 100.0])
    low = np.array([100.0, 100.0, 100.0, 50.0, 100.0, 100.0])
    whole = markets.random_walk(1, size, timeframe="1h")
    bars = Bars(whole.symbol, whole.timeframe, whole.time, price, price, low, price, np.ones(size))
    columns = {
        "entry": lambda b: np.array([1, 0, 0, 0, 0, 0], np.int8),
        "exit": lambda b: np.array([0, 0, 1, 0, 0, 0], bool),
    }
    spec = attrs.evolve(example_pipeline().data, timeframe=bars.timeframe)
    result = run(data=spec, source=FakeSource({bars.symbol: bars}), strategy=Fixed(columns))
    assert result.trades["exit_reason"].tolist() == ["signal"]
    assert result.trades["exit_price"].tolist() == [100.0]
