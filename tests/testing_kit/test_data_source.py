"""DataSourceContract passes an honest source and catches each way to give other bars than those asked for."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import attrs
import pytest

from quantsail_framework import Bars, Instrument
from quantsail_framework.errors import DataError
from quantsail_framework.ports.data_source import BarRequest
from quantsail_framework.testing import DataSourceContract, markets
from tests.testing_kit.kit import failure, run_all, suite

SERIES = {
    "AAA/USDT": markets.gapping(1, 60, timeframe="1h", symbol="AAA/USDT"),
    "BBB/USDT": markets.random_walk(2, 50, "1h", "BBB/USDT"),
}


@attrs.frozen
class Memory:
    """Honest."""

    def instruments(self, symbols: Sequence[str]) -> Mapping[str, Instrument]:
        return {symbol: Instrument(symbol, min_notional=10.0) for symbol in symbols if symbol in SERIES}

    def bars(self, requests: Sequence[BarRequest]) -> Iterator[Bars]:
        for request in requests:
            yield self.cut(self.series(request.symbol), request)

    def series(self, symbol: str) -> Bars:
        if symbol not in SERIES:
            raise DataError(f"no candles of {symbol}; there are {', '.join(SERIES)}")
        return SERIES[symbol]

    def cut(self, bars: Bars, request: BarRequest) -> Bars:
        first, last = self.rows(bars, request)
        return bars.slice(max(0, first - request.warmup), max(first, last))

    def rows(self, bars: Bars, request: BarRequest) -> tuple[int, int]:
        first = 0 if request.start_ns is None else int(bars.time.searchsorted(request.start_ns))
        return first, len(bars) if request.end_ns is None else int(bars.time.searchsorted(request.end_ns))


def asked(source: type[Any], **attributes: Any) -> DataSourceContract:
    return suite(DataSourceContract, source, **({"symbols": tuple(SERIES), "timeframe": "1h"} | attributes))


def test_an_honest_source_passes() -> None:
    run_all(asked(Memory))


@attrs.frozen
class InclusiveEnd(Memory):
    """The seed's fetcher: the bar that opens at the end belongs to the range."""

    def rows(self, bars: Bars, request: BarRequest) -> tuple[int, int]:
        first, last = super().rows(bars, request)
        return first, last if request.end_ns is None else int(bars.time.searchsorted(request.end_ns, side="right"))


@attrs.frozen
class ExclusiveStart(Memory):
    def rows(self, bars: Bars, request: BarRequest) -> tuple[int, int]:
        first, last = super().rows(bars, request)
        return first if request.start_ns is None else int(bars.time.searchsorted(request.start_ns, side="right")), last


@attrs.frozen
class ScaledParts(Memory):
    """Prices of a part differ from those of the whole."""

    def cut(self, bars: Bars, request: BarRequest) -> Bars:
        part = super().cut(bars, request)
        return part if len(part) in (0, len(bars)) else attrs.evolve(part, volume=part.volume / part.volume.max())


@attrs.frozen
class RoundedBounds(Memory):
    """Takes the bar before a start that falls between two."""

    def rows(self, bars: Bars, request: BarRequest) -> tuple[int, int]:
        first, last = super().rows(bars, request)
        return first if request.start_ns is None else max(0, bars.index_at(request.start_ns)), last


@attrs.frozen
class WarmupInTime(Memory):
    """Counts the warm-up in hours, so a gap eats it."""

    def cut(self, bars: Bars, request: BarRequest) -> Bars:
        first, last = self.rows(bars, request)
        if request.start_ns is not None and request.warmup:
            first = int(bars.time.searchsorted(request.start_ns - request.warmup * bars.timeframe.ns))
        return bars.slice(first, max(first, last))


@attrs.frozen
class EmptyIsAnError(Memory):
    def cut(self, bars: Bars, request: BarRequest) -> Bars:
        part = super().cut(bars, request)
        if not len(part):
            raise DataError(f"no candles of {bars.symbol} in range")
        return part


@attrs.frozen
class SortedSymbols(Memory):
    def bars(self, requests: Sequence[BarRequest]) -> Iterator[Bars]:
        return super().bars(sorted(requests, key=lambda request: request.symbol))


@attrs.frozen
class EachOnce(Memory):
    def bars(self, requests: Sequence[BarRequest]) -> Iterator[Bars]:
        return super().bars(list({request.symbol: request for request in requests}.values()))


@attrs.frozen
class NamelessError(Memory):
    def series(self, symbol: str) -> Bars:
        if symbol not in SERIES:
            raise DataError("no such candles")
        return SERIES[symbol]


@attrs.frozen
class MakesItUp(Memory):
    def series(self, symbol: str) -> Bars:
        return SERIES.get(symbol, attrs.evolve(SERIES["AAA/USDT"], symbol=symbol))


@attrs.frozen
class RawKeyError(Memory):
    def series(self, symbol: str) -> Bars:
        return SERIES[symbol]


CALLS = itertools.count()


@attrs.frozen
class Drifts(Memory):
    def series(self, symbol: str) -> Bars:
        bars = super().series(symbol)
        return attrs.evolve(bars, volume=bars.volume + next(CALLS))


@attrs.frozen
class FillsTogether(Memory):
    """Bars depend on what else is asked for."""

    def bars(self, requests: Sequence[BarRequest]) -> Iterator[Bars]:
        for bars in super().bars(requests):
            yield attrs.evolve(bars, volume=bars.volume * len(requests))


@attrs.frozen
class Writeable(Memory):
    def cut(self, bars: Bars, request: BarRequest) -> Bars:
        part = attrs.evolve(super().cut(bars, request), close=bars.close[: len(super().cut(bars, request))].copy())
        part = attrs.evolve(part, high=part.high + 1_000.0, low=part.low * 0.01)
        part.high.flags.writeable = True
        return part


@attrs.frozen
class ForeignInstruments(Memory):
    def instruments(self, symbols: Sequence[str]) -> Mapping[str, Instrument]:
        return {"DOGE/USDT": Instrument("DOGE/USDT")}


@attrs.frozen
class SwappedInstruments(Memory):
    def instruments(self, symbols: Sequence[str]) -> Mapping[str, Instrument]:
        return {symbol: Instrument("X/USDT") for symbol in symbols}


@pytest.mark.parametrize(
    "wrong, case, problem",
    [
        (ForeignInstruments, "test_ds02_instruments", "instruments gives DOGE/USDT, which was not asked for"),
        (SwappedInstruments, "test_ds02_instruments", "for AAA/USDT"),
        (SortedSymbols, "test_ds03_one_answer_per_request_in_order", "asked for BBB/USDT 1h, got Bars('AAA/USDT'"),
        (EachOnce, "test_ds03_one_answer_per_request_in_order", "3 requests gave 2 Bars"),
        (InclusiveEnd, "test_ds04_range_is_half_open", "AAA/USDT with start_ns="),
        (ExclusiveStart, "test_ds04_range_is_half_open", "; it should be Bars('AAA/USDT', 1h, "),
        (ScaledParts, "test_ds04_range_is_half_open", "volume differs from the same rows of the whole series"),
        (RoundedBounds, "test_ds05_bounds_between_bars", "; it should be Bars('AAA/USDT', 1h, "),
        (WarmupInTime, "test_ds06_warmup_counts_bars", "warmup=3 gave Bars('AAA/USDT', 1h, "),
        (NamelessError, "test_ds08_unknown_symbol_is_named", "the error does not name NOSUCH/SYMBOL: no such candles"),
        (
            MakesItUp,
            "test_ds08_unknown_symbol_is_named",
            "the source answers for NOSUCH/SYMBOL, which it should not have",
        ),
        (Drifts, "test_ds09_same_answer_twice", "AAA/USDT differs between two calls"),
        (FillsTogether, "test_ds10_together_as_alone", "AAA/USDT differs when it is asked for alone"),
        (Writeable, "test_ds11_read_only", "AAA/USDT: high can be written to"),
    ],
)
def test_other_bars_than_asked_for_are_caught(wrong: type[Any], case: str, problem: str) -> None:
    assert problem in failure(getattr(asked(wrong), case))


def test_d020_an_inclusive_end_is_caught_with_the_range() -> None:
    text = failure(asked(InclusiveEnd).test_ds04_range_is_half_open)
    assert "end_ns=" in text
    assert "the one that opens at end does not" in text


@pytest.mark.parametrize(
    "wrong, case, error",
    [
        (EmptyIsAnError, "test_ds07_empty_range_is_empty", DataError),
        (RawKeyError, "test_ds08_unknown_symbol_is_named", KeyError),
    ],
)
def test_exceptions_carry_the_case(wrong: type[Any], case: str, error: type[Exception]) -> None:
    with pytest.raises(error) as caught:
        getattr(asked(wrong), case)()
    assert "of the data-source contract, component 'it'" in caught.value.__notes__[0]


def test_a_suite_without_symbols_proves_nothing() -> None:
    case = asked(Memory, symbols=()).test_ds01_the_suite_has_something_to_ask
    assert "set symbols and timeframe on the test class" in failure(case)
