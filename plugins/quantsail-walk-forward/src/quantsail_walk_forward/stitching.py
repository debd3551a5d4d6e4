"""One account over all test windows: components that act by the parameters in force, changing with time."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import attrs
import numpy as np

from quantsail_framework.config.vary import vary
from quantsail_framework.domain.bars import Bars, Bools, Ints
from quantsail_framework.domain.instrument import Instrument
from quantsail_framework.domain.order import Breach, Reference, Request, Signal, Sizing, Trip
from quantsail_framework.domain.portfolio import Portfolio
from quantsail_framework.domain.signals import COLUMNS, Adjust, Enter, Exit, Signals
from quantsail_framework.domain.trade import Position
from quantsail_framework.errors import InputError, PipelineError
from quantsail_framework.ports.market import Market
from quantsail_framework.ports.runner import NamedRule, Pipeline
from quantsail_framework.ports.strategy import BarView
from quantsail_framework.ports.warmup import declared_warmup
from quantsail_framework.search.space import Values
from quantsail_walk_forward.training import Choice


@attrs.frozen(eq=False)
class Timetable:
    """Which window a bar belongs to, and whose parameters are in force at its close.

    ``before`` has for each window the open of the last bar that closes by the begin of its test, ``last`` that of the
    last bar of its test. ``in_force`` names the window whose parameters hold: its own, in a flat one those of the last
    before it, -1 before there are any. ``flat`` are the windows in which nothing is entered.
    """

    before: tuple[int, ...]
    last: tuple[int, ...]
    in_force: tuple[int, ...]
    flat: tuple[bool, ...]

    @classmethod
    def of(cls, choices: Sequence[Choice], bar_ns: int) -> Timetable:
        """That of consecutive windows."""
        in_force, latest = [], -1
        for number, choice in enumerate(choices):
            latest = latest if choice.chosen is None else number
            in_force.append(latest)
        return cls(
            tuple(choice.window.test_start_ns - bar_ns for choice in choices),
            tuple(choice.window.test_end_ns - bar_ns for choice in choices),
            tuple(in_force),
            tuple(choice.chosen is None for choice in choices),
        )

    def windows(self, opens: Ints) -> Ints:
        """The window of each bar that opens then, or the last before it; -1 before the first."""
        return np.searchsorted(np.array(self.before), opens, side="left").astype(np.int64) - 1

    def rules(self, open_ns: int) -> int:
        """The window whose parameters are in force at the close of a bar; -1 before there are any."""
        window = bisect_left(self.before, open_ns) - 1
        return self.in_force[window] if window >= 0 else -1

    def may_enter(self, open_ns: int) -> bool:
        """Whether the bar lies in a window that trades."""
        window = bisect_left(self.before, open_ns) - 1
        return window >= 0 and not self.flat[window] and open_ns <= self.last[window]

    def rows(self, opens: Ints) -> tuple[Ints, Bools]:
        """``rules`` and ``may_enter`` of many bars."""
        window = self.windows(opens)
        inside = window >= 0
        rules = np.where(inside, np.array(self.in_force)[window], -1)
        enter = inside & ~np.array(self.flat)[window] & (opens <= np.array(self.last)[window])
        return rules, enter


@attrs.frozen(eq=False)
class _InForce:
    """Something of which each window has its own. ``parts`` has None for windows that stay flat."""

    timetable: Timetable
    parts: tuple[Any, ...]

    @property
    def warmup(self) -> int:
        """The largest of all."""
        return max((declared_warmup(part) for part in self.parts if part is not None), default=0)

    def at(self, open_ns: int) -> Any:
        """That of the parameters in force, else the first that will be."""
        number = self.timetable.rules(open_ns)
        return self.parts[number] if number >= 0 else next(part for part in self.parts if part is not None)

    def now(self, market: Market) -> Any:
        """That in force at the close which is decided on."""
        return self.at(market.now_ns - market.timeframe.ns)


@attrs.frozen(eq=False)
class StitchedStrategy(_InForce):
    """Each window's strategy over all bars, of which it speaks at those of its window.

    Its exits also count while the windows after it stay flat: they close what it opened.
    """

    def signals(self, bars: Bars) -> Signals:
        """The rows of each window's own signals; without entries where a window stays flat."""
        rules, may_enter = self.timetable.rows(bars.time)
        columns: dict[str, Any] = {
            name: np.full(len(bars), missing, dtype) for name, (dtype, missing) in COLUMNS.items()
        }
        said: dict[int, Signals] = {}
        for strategy in {id(part): part for part in self.parts if part is not None}.values():
            signals = strategy.signals(bars)
            numbers = [number for number, part in enumerate(self.parts) if part is strategy]
            said |= dict.fromkeys(numbers, signals)
            own = np.isin(rules, numbers)
            for name, (dtype, missing) in COLUMNS.items():
                columns[name][own] = signals.column(name, len(bars), dtype, missing)[own]
        columns["entry"][~may_enter] = 0
        if all(signals.exit is None for signals in said.values()):  # what never asks to leave need not be asked
            del columns["exit"]
        return Signals(**columns, reason=lambda index: said[int(rules[index])].reason(index))


@attrs.frozen(eq=False)
class StitchedBarStrategy(_InForce):
    """Each window's bar strategy, asked at the closes of its window; while one stays flat, that before it about what
    it opened."""

    def prepare(self, bars: Bars) -> dict[int, Any]:
        """What each has prepared, by window."""
        given = {number: part for number, part in enumerate(self.parts) if part is not None}
        prepared = {id(part): part.prepare(bars) for part in {id(part): part for part in given.values()}.values()}
        return {number: prepared[id(part)] for number, part in given.items()}

    def on_bar(self, view: BarView, position: Position | None) -> Enter | Exit | Adjust | None:
        """What that in force says."""
        number = self.timetable.rules(view.time_ns)
        if number < 0 or (position is None and not self.timetable.may_enter(view.time_ns)):
            return None
        answer: Enter | Exit | Adjust | None = self.parts[number].on_bar(view.of(number), position)
        return answer


@attrs.frozen(eq=False)
class StitchedSizer(_InForce):
    """Each window's sizer for the entries that are decided in it."""

    @property
    def min_notional(self) -> float:
        """The same for all."""
        return _min_notional(next(part for part in self.parts if part is not None))

    def size(self, signal: Signal, instrument: Instrument, portfolio: Portfolio, market: Market) -> Sizing:
        """The quantity by the sizer in force."""
        sizing: Sizing = self.now(market).size(signal, instrument, portfolio, market)
        return sizing


@attrs.frozen(eq=False)
class StitchedRule(_InForce):
    """Each window's risk rule for the entries that are decided in it."""

    def check(self, request: Request, portfolio: Portfolio, market: Market) -> Breach | str | None:
        """The answer of the rule in force."""
        answer: Breach | str | None = self.now(market).check(request, portfolio, market)
        return answer


@attrs.frozen(eq=False)
class StitchedBreaker(StitchedRule):
    """Each window's breaker; what has tripped stays tripped for as long as it said."""

    @property
    def watches(self) -> tuple[str, ...]:
        """All that any of them watches."""
        return tuple(dict.fromkeys(what for part in self.parts if part is not None for what in part.watches))

    def trip(self, portfolio: Portfolio, market: Market, reference: Reference) -> Trip | Sequence[Trip] | None:
        """The answer of the breaker in force."""
        answer: Trip | Sequence[Trip] | None = self.now(market).trip(portfolio, market, reference)
        return answer


def stitched(pipeline: Pipeline, choices: Sequence[Choice], bar_ns: int) -> Pipeline:
    """The pipeline with the parameters of every window in its time; its own where no window has any."""
    made: dict[str, Pipeline] = {}
    varied = [_varied(pipeline, choice.parameters, made) for choice in choices]
    timetable = Timetable.of(choices, bar_ns)

    def joined(part_of: Callable[[Pipeline], Any], cls: type[_InForce], *, always: bool = False) -> Any:
        parts = tuple(None if each is None else part_of(each) for each in varied)
        given = [part for part in parts if part is not None]
        if not always and all(part is given[0] or part == given[0] for part in given):
            return given[0] if given else part_of(pipeline)
        return cls(timetable, parts)

    by_bar = hasattr(pipeline.strategy, "on_bar")
    rules = [
        joined(lambda each, k=k: each.risk[k].rule, StitchedBreaker if hasattr(named.rule, "trip") else StitchedRule)  # type: ignore[misc]
        for k, named in enumerate(pipeline.risk)
    ]
    return attrs.evolve(
        pipeline,
        strategy=joined(lambda each: each.strategy, StitchedBarStrategy if by_bar else StitchedStrategy, always=True),
        costs=joined(lambda each: each.costs, _InForce),
        sizer=joined(lambda each: each.sizer, StitchedSizer),
        risk=tuple(NamedRule(named.name, rule) for named, rule in zip(pipeline.risk, rules, strict=True)),
    )


def _varied(pipeline: Pipeline, parameters: Values | None, made: dict[str, Pipeline]) -> Pipeline | None:
    """The pipeline of a window; windows with the same parameters share one."""
    if parameters is None:
        return None
    return made.setdefault(repr(parameters), vary(pipeline, parameters))


def check_can_be_stitched(pipeline: Pipeline, grid: Sequence[Values]) -> None:
    """Raises PipelineError for parameters that one account cannot change on its way."""
    remedy = "set reset = true, where each window has an account of its own"
    if costly := [path for path in grid[0] if path.startswith("costs.")]:
        raise PipelineError(
            [f"walk-forward.parameters.{path}: one account pays one market's costs; {remedy}" for path in costly]
        )
    smallest = set()
    for values in grid if any(path.startswith("sizer.") for path in grid[0]) else ():
        with suppress(InputError):  # a combination that is refused is never chosen
            smallest.add(_min_notional(vary(pipeline, values).sizer))
    if len(smallest) > 1:
        raise PipelineError([f"walk-forward.parameters: the sizer's min_notional holds for a whole account; {remedy}"])


def _min_notional(sizer: Any) -> float:
    return float(getattr(sizer, "min_notional", 0.0))
