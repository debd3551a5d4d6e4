"""The contract of data sources: exactly the asked range, the same each time, read-only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

import attrs
import numpy as np

from quantsail_framework.domain.bars import Bars
from quantsail_framework.domain.instrument import Instrument
from quantsail_framework.domain.timeframe import Timeframe
from quantsail_framework.errors import DataError
from quantsail_framework.ports.data_source import BarRequest
from quantsail_framework.testing.causality import COLUMNS
from quantsail_framework.testing.contract import Contract, case, expect

RANGES = 8


class DataSourceContract(Contract, suite=True):
    """Cases for ``DataSource``.

    ``symbols`` and ``timeframe`` are what the source has under ``options``; ``start_ns`` and ``end_ns`` bound what
    the cases ask for, where the source has very much. ``unknown_symbol`` is one that it does not have. An
    autouse fixture may write files and set ``self.options``.
    """

    kind: ClassVar[str] = "data-source"
    methods: ClassVar[Mapping[str, int]] = {"instruments": 1, "bars": 1}
    symbols: Sequence[str] = ()
    timeframe: str = ""
    start_ns: int | None = None
    end_ns: int | None = None
    unknown_symbol: str = "NOSUCH/SYMBOL"

    def request(self, symbol: str, **values: Any) -> BarRequest:
        """A request for all that the cases may ask of ``symbol``."""
        bounds: dict[str, Any] = {"start_ns": self.start_ns, "end_ns": self.end_ns}
        return BarRequest(symbol, Timeframe(self.timeframe), **(bounds | values))

    def questions(self) -> Any:
        """A request for all of each symbol."""
        return [self.request(symbol) for symbol in self.symbols]

    @staticmethod
    def replies(component: Any, questions: Any) -> Mapping[str, Any]:
        """The hash of all bars that it gives for each request, and what it knows of the markets."""
        told = zip(questions, component.bars(questions), strict=True)
        hashes = {f"the hash of the bars of {asked.symbol}": bars.content_hash for asked, bars in told}
        known = component.instruments(tuple(asked.symbol for asked in questions))
        return hashes | {f"the instrument {symbol}": known[symbol] for symbol in sorted(known)}

    def whole(self) -> dict[str, Bars]:
        """All bars of each symbol."""
        requests = [self.request(symbol) for symbol in self.symbols]
        return dict(zip(self.symbols, self.ask(*requests), strict=True))

    def ask(self, *requests: BarRequest) -> list[Bars]:
        """What a fresh source answers."""
        answer = list(self.build().bars(requests))
        expect(len(answer) == len(requests), f"{len(requests)} requests gave {len(answer)} Bars")
        return answer

    @case("DS-01")
    def test_ds01_the_suite_has_something_to_ask(self) -> None:
        """``symbols`` and ``timeframe`` of the test class name series with at least ten bars: else these cases prove
        nothing."""
        expect(self.symbols and self.timeframe, "set symbols and timeframe on the test class")
        for symbol, bars in self.whole().items():
            expect(len(bars) >= 10, f"{symbol} has {len(bars)} bars; the cases need 10")

    @case("DS-02")
    def test_ds02_instruments(self) -> None:
        """``instruments`` gives an Instrument under its own symbol for some of the asked symbols, and for no other."""
        known = self.build().instruments(tuple(self.symbols))
        expect(isinstance(known, Mapping), f"instruments returned {type(known).__name__}, not a mapping")
        for symbol, instrument in known.items():
            expect(symbol in self.symbols, f"instruments gives {symbol}, which was not asked for")
            mine = isinstance(instrument, Instrument) and instrument.symbol == symbol
            expect(mine, f"instruments gives {instrument!r} for {symbol}")

    @case("DS-03")
    def test_ds03_one_answer_per_request_in_order(self) -> None:
        """``bars`` yields one Bars per request, in the order of the requests, with the asked symbol and timeframe, also
        when a symbol is asked for twice."""
        asked = [*reversed(self.symbols), self.symbols[0]]
        for symbol, bars in zip(asked, self.ask(*[self.request(symbol) for symbol in asked]), strict=True):
            right = bars.symbol == symbol and bars.timeframe == Timeframe(self.timeframe)
            expect(right, f"asked for {symbol} {self.timeframe}, got {bars!r}")

    @case("DS-04")
    def test_ds04_range_is_half_open(self) -> None:
        """[start, end) by the open time: the bar that opens at start belongs, the one that opens at end does not, and
        the values are those of the whole series. Look for an inclusive end, and for milliseconds or a zone."""
        for symbol, bars, first, last in self.ranges():
            self.expect_rows(bars, symbol, first, last, start_ns=int(bars.time[first]), end_ns=int(bars.time[last]))

    @case("DS-05")
    def test_ds05_bounds_between_bars(self) -> None:
        """A bound that falls between two bar opens cuts there; a bound of None reaches to the first or last bar."""
        for symbol, bars, first, last in self.ranges():
            after, before = int(bars.time[first]) + 1, int(bars.time[last]) - 1
            self.expect_rows(bars, symbol, first + 1, last, start_ns=after, end_ns=before)
            self.expect_rows(bars, symbol, first, len(bars), start_ns=int(bars.time[first]))
            self.expect_rows(bars, symbol, 0, last, end_ns=int(bars.time[last]))

    @case("DS-06")
    def test_ds06_warmup_counts_bars(self) -> None:
        """``warmup`` further bars come before start, counted in bars across gaps (not in time); where there are fewer,
        all there are."""
        for symbol, bars, first, last in self.ranges():
            bounds = {"start_ns": int(bars.time[first]), "end_ns": int(bars.time[last])}
            self.expect_rows(bars, symbol, max(0, first - 3), last, **bounds, warmup=3)
            if self.start_ns is None:
                self.expect_rows(bars, symbol, 0, last, **bounds, warmup=len(bars) + 1)

    @case("DS-07")
    def test_ds07_empty_range_is_empty(self) -> None:
        """No bar in range is an empty Bars of that symbol and timeframe, not an error: a range between two bars, and
        one after the last."""
        for symbol, bars in self.whole().items():
            between = int(bars.time[4]) + 1
            after = int(bars.time[-1]) + bars.timeframe.ns
            self.expect_rows(bars, symbol, 5, 5, start_ns=between, end_ns=between + 1)
            if self.end_ns is None:
                self.expect_rows(bars, symbol, 0, 0, start_ns=after, end_ns=after + bars.timeframe.ns)

    @case("DS-08")
    def test_ds08_unknown_symbol_is_named(self) -> None:
        """A symbol that the source does not have raises DataError with the symbol in its text, and no other error:
        the user sees that text alone."""
        try:
            self.ask(self.request(self.unknown_symbol))
        except DataError as error:
            expect(self.unknown_symbol in str(error), f"the error does not name {self.unknown_symbol}: {error}")
        else:
            expect(False, f"the source answers for {self.unknown_symbol}, which it should not have")

    @case("DS-09")
    def test_ds09_same_answer_twice(self) -> None:
        """The same request gives the same bars, from another copy of the source too: a run can be repeated. Sort
        what a folder or an exchange lists in any order, and seed what is random."""
        first, again = self.whole(), self.whole()
        for symbol, bars in first.items():
            expect(bars.content_hash == again[symbol].content_hash, f"{symbol} differs between two calls")

    @case("DS-10")
    def test_ds10_together_as_alone(self) -> None:
        """Asking for several symbols at once gives each the bars that it has when asked for alone."""
        for symbol, bars in self.whole().items():
            alone = self.ask(self.request(symbol))[0]
            expect(alone.content_hash == bars.content_hash, f"{symbol} differs when it is asked for alone")

    @case("DS-11")
    def test_ds11_read_only(self) -> None:
        """Every column is read-only: construct Bars through its constructor or slice, and leave the flags alone."""
        for symbol, bars in self.whole().items():
            open_to_writes = [name for name in COLUMNS if getattr(bars, name).flags.writeable]
            expect(not open_to_writes, f"{symbol}: {', '.join(open_to_writes)} can be written to")

    def ranges(self) -> Iterator[tuple[str, Bars, int, int]]:
        """(symbol, all its bars, first row, row after the last) of some ranges."""
        for symbol, bars in self.whole().items():
            rng = np.random.default_rng(len(bars))
            for _ in range(RANGES):
                first, last = sorted(rng.choice(len(bars), 2, replace=False).tolist())
                yield symbol, bars, first, last

    def expect_rows(self, whole: Bars, symbol: str, first: int, last: int, **values: Any) -> None:
        """Raise ContractError unless the request gives exactly rows ``first`` to ``last`` (exclusive) of ``whole``."""
        wanted = self.request(symbol, **values)
        bars = self.ask(wanted)[0]
        asked = ", ".join(f"{name}={value}" for name, value in attrs.asdict(wanted).items() if name in values)
        expect(bars.symbol == symbol and bars.timeframe == whole.timeframe, f"{symbol} with {asked} gave {bars!r}")
        expected = whole.slice(first, max(first, last))
        expect(len(bars) == len(expected), f"{symbol} with {asked} gave {bars!r}; it should be {expected!r}")
        for name in COLUMNS:
            same = np.array_equal(getattr(bars, name), getattr(expected, name))
            expect(same, f"{symbol} with {asked}: {name} differs from the same rows of the whole series")
