"""The contract of strategies, of both forms: right shapes, causal, honest about warm-up."""

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
from quantsail_framework.testing.causality import Compute, check_causal, check_warmup
from quantsail_framework.testing.contract import Contract, case, expect

BARS_AFTER_WARMUP = 600
CUTS = 16
STARTS = 4
REASONS = 5
TRIAL_BARS = 100
COLUMNS = ("time", "open", "high", "low", "close", "volume")


class StrategyContract(Contract, suite=True):
    """Cases for ``Strategy`` and ``BarStrategy``.

    ``timeframe`` is that of the made markets; ``informative`` what the strategy asks of ``bars.informative``,
    as ``[data] informative`` says it (``"1h"``, ``"BTC/USDT@1h"``); ``side`` that of the position which a bar
    strategy is asked about. Override ``markets`` when none of the made ones lets the strategy enter.
    """

    kind: ClassVar[str] = "strategy"
    timeframe: str = "5m"
    informative: Sequence[str] = ()
    side: int = LONG

    def markets(self) -> Mapping[str, Bars]:
        """The markets that the cases run on, by name; each long enough for ``warmup`` and 600 bars more."""
        size = self.build().warmup + BARS_AFTER_WARMUP
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

    def check_methods(self, cls: type[Any]) -> None:
        """A strategy has ``signals``, a bar strategy ``prepare`` and ``on_bar``; both have ``warmup``."""
        by_bar = hasattr(cls, "on_bar")
        expect(by_bar != hasattr(cls, "signals"), f"{cls.__name__} must have either signals or on_bar (with prepare)")
        expect(hasattr(self.build(), "warmup"), f"{cls.__name__} has no warmup")
        for name, count in {"prepare": 1, "on_bar": 2}.items() if by_bar else [("signals", 1)]:
            expect(callable(getattr(cls, name, None)), f"{cls.__name__} has no method {name}")
            parameters = inspect.signature(getattr(cls, name)).parameters
            expect(len(parameters) == count + 1, f"{cls.__name__}.{name} must take {count} arguments beside self")

    @case("S01")
    def test_s01_warmup_is_declared(self) -> None:
        """``warmup`` is a whole number of bars, zero or more, known from the options alone."""
        warmup = self.build().warmup
        expect(type(warmup) is int and warmup >= 0, f"warmup is {warmup!r}")

    @case("S02")
    def test_s02_columns_are_well_formed(self) -> None:
        """One value per bar and column. entry is an integer column of LONG, SHORT or 0; stop and target are
        floats; confidence lies in [0, 1]; exit is boolean; trail is above zero; max_bars a whole number from 0."""
        for name, bars in self.markets().items():
            check_answers(self.build(), self.side, name, bars)

    @case("S03")
    def test_s03_short_histories(self) -> None:
        """A symbol may have fewer bars than the warm-up, and a live run passes warm-up + 1: the strategy then
        answers with columns of that length and no entry it cannot know. Look for indexing and TA-Lib errors."""
        strategy = self.build()
        for name, bars in self.markets().items():
            for size in sorted({1, 2, strategy.warmup, strategy.warmup + 1} - {0}):
                check_answers(strategy, self.side, f"{name} market, cut to {size} bars", bars.slice(0, size))

    @case("S04")
    def test_s04_levels_are_numbers(self) -> None:
        """Where entry is set, stop must be a finite price, target finite or NaN (none): NaN comes from
        indicators that are not ready, so ask np.isfinite before entering."""
        for name, bars in self.markets().items():
            columns = self.compute()(bars)
            entries = columns["entry"] != 0
            bad = entries & ~np.isfinite(columns["stop"]) | entries & np.isinf(columns["target"])
            expect(
                not bad.any(), f"{_row(bars, bad)} of the {name} market enters with a stop or target that is no price"
            )

    @case("S05")
    def test_s05_deterministic(self) -> None:
        """The same bars give the same answer: no clock, no unseeded random number, nothing remembered between calls."""
        for name, bars in self.markets().items():
            place = first_difference(self.compute()(bars), self.compute()(attrs.evolve(bars)))
            expect(place is None, f"two calls on the {name} market differ in (row, column) {place}")

    @case("S06")
    def test_s06_bars_are_left_alone(self) -> None:
        """The columns are shared with the engine and other components: copy before writing, and leave the
        read-only flags as they are."""
        for name, bars in self.markets().items():
            before = [getattr(bars, column).copy() for column in COLUMNS]
            self.compute()(bars)
            for column, old in zip(COLUMNS, before, strict=True):
                array = getattr(bars, column)
                expect(np.array_equal(array, old), f"the strategy changed bars.{column} of the {name} market")
                expect(not array.flags.writeable, f"the strategy made bars.{column} of the {name} market writeable")

    @case("S07")
    def test_s07_causal(self) -> None:
        """Row i may use rows 0 to i only. Usual causes: shift(-1), a centred window, a maximum or mean over the whole
        column, scaling by the sample's deviation, filling gaps backwards, an informative bar that has not closed."""
        compute = self.compute()
        for name, bars in self.markets().items():
            cuts = _cuts(compute(bars)["entry"], len(bars))
            check_causal(compute, name, bars, cuts, self.dress)

    @case("S08")
    def test_s08_warmup_is_honest(self) -> None:
        """From row ``warmup`` on, more history before changes nothing by more than 1e-9. Recursive indicators need far
        more than their period (ADX(14) about 400); a sum or maximum since the start of history never settles."""
        strategy = self.build()
        settled = strategy.warmup + HELD_BARS * is_by_bar(strategy)
        for name, bars in self.markets().items():
            rng = np.random.default_rng(len(bars))
            starts = {1, *rng.integers(1, len(bars) - settled, STARTS).tolist()}
            check_warmup(self.compute(), name, bars, sorted(starts), settled)

    @case("S09")
    def test_s09_entries_say_why(self) -> None:
        """The trade list shows the reason of every entry: return a sentence with the numbers that decided, for
        any index with an entry (``Signals.reason``, ``Enter.reason``)."""
        for name, bars in self.markets().items():
            for index, reason in islice(reasons_of(self.build(), self.side, bars), REASONS):
                worded = isinstance(reason, str) and reason.strip()
                expect(worded, f"bar {index} of the {name} market enters with the reason {reason!r}")

    @case("S10")
    def test_s10_enters_somewhere(self) -> None:
        """At least one entry on one market, else the other cases prove nothing: is a condition impossible, such as
        close above a high that includes the bar itself? Otherwise override ``markets`` with ones it trades on."""
        entries = sum(int(np.count_nonzero(self.compute()(bars)["entry"])) for bars in self.markets().values())
        expect(entries, f"no entry on any of the markets {', '.join(self.markets())}")


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
