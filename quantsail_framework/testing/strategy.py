"""The contract of strategies: right shapes, causal, honest about warm-up. That of bar strategies asks more."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from functools import partial
from itertools import islice
from typing import Any, ClassVar

import attrs
import numpy as np
import numpy.typing as npt

from quantsail_framework.causality import first_difference
from quantsail_framework.causality.answers import HELD_BARS
from quantsail_framework.domain.bars import Bars, utc_text
from quantsail_framework.domain.signals import LONG
from quantsail_framework.testing import markets
from quantsail_framework.testing.answers import check_answers, columns_of, is_by_bar, reasons_of
from quantsail_framework.testing.causality import Compute, check_causal, check_warmup, column_copies, expect_columns
from quantsail_framework.testing.contract import Contract, case, expect

CUTS = 16
STARTS = 4
REASONS = 5
TRIAL_BARS = 100


class StrategyContract(Contract, suite=True):
    """Cases for ``Strategy``; ``BarStrategyContract`` has these and those for ``BarStrategy``.

    ``timeframe`` is that of the made markets and ``bars`` how many each has beyond the warm-up, fewer where a bar takes
    long; ``informative`` what the strategy asks of ``bars.informative``,
    as ``[data] informative`` says it (``"1h"``, ``"BTC/USDT@1h"``); ``side`` that of the position which a bar
    strategy is asked about. Override ``markets`` when none of the made ones lets the strategy enter.
    """

    kind: ClassVar[str] = "strategy"
    timeframe: str = "5m"
    bars: int = 600
    informative: Sequence[str] = ()
    side: int = LONG

    def markets(self) -> Mapping[str, Bars]:
        """The markets that the cases run on, by name; each long enough for ``warmup`` and ``bars`` more."""
        size = self.build().warmup + self.bars
        made = {
            "trending": markets.trending(1, size, timeframe=self.timeframe),
            "ranging": markets.ranging(2, size, timeframe=self.timeframe),
            "gapping": markets.gapping(3, size, timeframe=self.timeframe),
            "crash": markets.crash(4, size, timeframe=self.timeframe),
            "silent": markets.random_walk(5, size, self.timeframe, gaps=True, silent_bars=True),
        }
        return {name: self.dress(bars) for name, bars in made.items()}

    def dress(self, bars: Bars) -> Bars:
        """``bars`` with the informative series that the strategy asks for."""
        return markets.with_informative(bars, self.informative) if self.informative else bars

    def compute(self) -> Compute:
        """A function from bars to all that a fresh component says about them, as columns."""
        return partial(columns_of, self.build(), self.side)

    def try_out(self, component: Any) -> None:
        """Ask for the signals of one market."""
        size = component.warmup + TRIAL_BARS
        bars = self.dress(markets.random_walk(6, size, self.timeframe))
        check_answers(component, self.side, "random", bars)

    def questions(self) -> Any:
        """Every market, and the side of the position."""
        return dict(self.markets()), self.side

    @staticmethod
    def replies(component: Any, questions: Any) -> Mapping[str, Any]:
        """All columns of each market."""
        made, side = questions
        columns = {name: columns_of(component, side, bars) for name, bars in made.items()}
        return {f"{column} on the {name} market": told[column] for name, told in columns.items() for column in told}

    def check_methods(self, cls: type[Any]) -> None:
        """It has ``warmup``, and ``signals`` of one argument and nothing of a bar strategy."""
        expect(not hasattr(cls, "on_bar"), f"{cls.__name__} has on_bar: BarStrategyContract is for bar strategies")
        self.expect_methods(cls, {"signals": 1})

    def expect_methods(self, cls: type[Any], wanted: Mapping[str, int]) -> None:
        """Raise ContractError unless it has ``warmup`` and the methods, each of so many arguments."""
        expect(hasattr(self.build(), "warmup"), f"{cls.__name__} has no warmup")
        for name, count in wanted.items():
            expect(callable(getattr(cls, name, None)), f"{cls.__name__} has no method {name}")
            parameters = inspect.signature(getattr(cls, name)).parameters
            expect(len(parameters) == count + 1, f"{cls.__name__}.{name} must take {count} arguments beside self")

    @case("ST-01")
    def test_st01_warmup_is_declared(self) -> None:
        """``warmup`` is a whole number of bars, zero or more, known from the options alone."""
        warmup = self.build().warmup
        expect(type(warmup) is int and warmup >= 0, f"warmup is {warmup!r}")

    @case("ST-02")
    def test_st02_columns_are_well_formed(self) -> None:
        """One value per bar and column. entry is an integer column of LONG, SHORT or 0; stop and target are
        floats; confidence lies in [0, 1]; exit is boolean; trail is above zero; max_bars a whole number from 0."""
        for name, bars in self.markets().items():
            check_answers(self.build(), self.side, name, bars)

    @case("ST-03")
    def test_st03_short_histories(self) -> None:
        """A symbol may have fewer bars than the warm-up, and a live run passes warm-up + 1: the strategy then
        answers with columns of that length and no entry it cannot know. Look for indexing and TA-Lib errors."""
        strategy = self.build()
        for name, bars in self.markets().items():
            for size in sorted({1, 2, strategy.warmup, strategy.warmup + 1} - {0}):
                check_answers(strategy, self.side, f"{name} market, cut to {size} bars", bars.slice(0, size))

    @case("ST-04")
    def test_st04_levels_are_numbers(self) -> None:
        """Where entry is set, stop must be a finite price, target finite or NaN (none): NaN comes from
        indicators that are not ready, so ask np.isfinite before entering."""
        for name, bars in self.markets().items():
            self.expect_levels(name, bars)

    def expect_levels(self, name: str, bars: Bars) -> None:
        """Raise ContractError when an entry has a stop or target that is no price."""
        columns = self.compute()(bars)
        entries = columns["entry"] != 0
        bad = entries & ~np.isfinite(columns["stop"]) | entries & np.isinf(columns["target"])
        expect(not bad.any(), f"{_row(bars, bad)} of the {name} market enters with a stop or target that is no price")

    @case("ST-05")
    def test_st05_deterministic(self) -> None:
        """The same bars give the same answer: no clock, no unseeded random number, nothing remembered between calls."""
        for name, bars in self.markets().items():
            place = first_difference(self.compute()(bars), self.compute()(attrs.evolve(bars)))
            expect(place is None, f"two calls on the {name} market differ in (row, column) {place}")

    @case("ST-06")
    def test_st06_bars_are_left_alone(self) -> None:
        """The columns are shared with the engine and other components: copy before writing, and leave the
        read-only flags as they are."""
        for name, bars in self.markets().items():
            before = column_copies(bars)
            self.compute()(bars)
            expect_columns("the strategy", before, bars, name)

    @case("ST-07")
    def test_st07_causal(self) -> None:
        """Row i may use rows 0 to i only. Usual causes: shift(-1), a centred window, a maximum or mean over the whole
        column, scaling by the sample's deviation, filling gaps backwards, an informative bar that has not closed."""
        compute = self.compute()
        for name, bars in self.markets().items():
            cuts = _cuts(compute(bars)["entry"], len(bars))
            check_causal(compute, name, bars, cuts, self.dress)

    @case("ST-08")
    def test_st08_warmup_is_honest(self) -> None:
        """From row ``warmup`` on, more history before changes nothing by more than 1e-9. Recursive indicators need far
        more than their period (ADX(14) about 400); a sum or maximum since the start of history never settles."""
        strategy = self.build()
        settled = strategy.warmup + HELD_BARS * is_by_bar(strategy)
        for name, bars in self.markets().items():
            rng = np.random.default_rng(len(bars))
            starts = {1, *rng.integers(1, len(bars) - settled, STARTS).tolist()}
            check_warmup(self.compute(), name, bars, sorted(starts), settled)

    @case("ST-09")
    def test_st09_entries_say_why(self) -> None:
        """The trade list shows the reason of every entry: return a sentence with the numbers that decided, for
        any index with an entry (``Signals.reason``, ``Enter.reason``)."""
        for name, bars in self.markets().items():
            for index, reason in islice(reasons_of(self.build(), self.side, bars), REASONS):
                worded = isinstance(reason, str) and reason.strip()
                expect(worded, f"bar {index} of the {name} market enters with the reason {reason!r}")

    @case("ST-10")
    def test_st10_enters_somewhere(self) -> None:
        """At least one entry on one market, else the other cases prove nothing: is a condition impossible, such as
        close above a high that includes the bar itself? Otherwise override ``markets`` with ones it trades on."""
        entries = sum(int(np.count_nonzero(self.compute()(bars)["entry"])) for bars in self.markets().values())
        expect(entries, f"no entry on any of the markets {', '.join(self.markets())}")

    @case("ST-11")
    def test_st11_symbols_in_any_order(self) -> None:
        """A run asks about one symbol after the other, in the order of the pipeline file: what it says of one must not
        depend on which came before. Look for a cache that knows bars by their length, and for sums kept in a global."""
        made = dict(self.markets())
        forward, backward = self.compute(), self.compute()
        first = {name: forward(bars) for name, bars in made.items()}
        again = {name: backward(made[name]) for name in reversed(made)}
        for name, columns in first.items():
            place = first_difference(columns, again[name])
            expect(place is None, f"asked in another order of symbols, the {name} market differs at {place}")

    @case("ST-12")
    def test_st12_extreme_markets(self) -> None:
        """One price in all bars, prices of 1e-8 and of 1e12, closes ten times away, no volume at all: valid candles, to
        which it answers in the same form, without an entry whose levels are no prices. Ask np.isfinite, and > 0 before
        dividing. (Without volume it is not asked when it has ``needs_volume``.)"""
        strategy = self.build()
        volume = getattr(strategy, "needs_volume", None) is None
        size = strategy.warmup + TRIAL_BARS
        for name, bars in markets.extremes(size, timeframe=self.timeframe, volume=volume).items():
            dressed = self.dress(bars)
            check_answers(strategy, self.side, name, dressed)
            self.expect_levels(name, dressed)


def _row(bars: Bars, rows: npt.NDArray[np.bool_]) -> str:
    index = int(np.argmax(rows))
    return f"bar {index} ({utc_text(int(bars.time[index]))})"


def _cuts(entry: npt.NDArray[np.float64], size: int) -> list[int]:
    """Rows to cut after: at entries and just before them, where a look ahead shows, and anywhere."""
    rng = np.random.default_rng(size)
    entries = np.flatnonzero(entry)
    at = rng.choice(entries, min(CUTS // 4, len(entries)), replace=False) if len(entries) else entries
    anywhere = rng.integers(0, size - 1, CUTS // 2)
    return sorted({*at.tolist(), *(at - 1)[at > 0].tolist(), *anywhere.tolist()} - {size - 1})
