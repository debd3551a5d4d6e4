"""The candles of a run: asked of the source, checked together, and shown to components up to now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

import attrs
import numpy as np

from quantsail_framework.domain.bars import PRICE_COLUMNS, Bars, Ints, utc_text
from quantsail_framework.domain.gaps import Gaps, gaps_in
from quantsail_framework.domain.instrument import Instrument
from quantsail_framework.domain.resample import resample
from quantsail_framework.domain.timeframe import NS_PER_DAY, Timeframe
from quantsail_framework.errors import DataError, MissingSeriesError
from quantsail_framework.ports.data_source import BarRequest, DataSource
from quantsail_framework.ports.market import Market
from quantsail_framework.ports.runner import DataSpec, Pipeline
from quantsail_framework.ports.warmup import declared_warmup

# A warm-up that takes more than this share of the asked range is worth a word.
_LONG_WARMUP = 0.1


@attrs.frozen(eq=False)
class MarketData:
    """The candles of a run by symbol, in pipeline order, warm-up included.

    ``warmup`` bars of each symbol cannot decide. ``start_ns`` is where the result begins: the
    pipeline's start, or the first bar. ``gaps`` are those of the source, whatever the policy did.
    """

    bars: Mapping[str, Bars]
    instruments: Mapping[str, Instrument]
    timeframe: Timeframe
    warmup: int
    start_ns: int
    gaps: Mapping[str, Gaps] = attrs.field(factory=dict)
    notes: tuple[str, ...] = ()

    def first(self, symbol: str) -> int:
        """Index of the first bar of ``symbol`` that may decide: warmed up, in the asked range, and tradable."""
        bars = self.bars[symbol]
        first = max(self.warmup, int(bars.time.searchsorted(self.start_ns)))
        if bars.tradable is None or first >= len(bars):
            return first
        able = np.flatnonzero(bars.tradable[first:])
        return first + int(able[0]) if len(able) else len(bars)

    def forget(self) -> None:
        """Forget what indicators and ``indicators.once`` keep for these candles."""
        for bars in self.bars.values():
            for each in (bars, *bars.others.values()):
                each.memo.clear()

    def first_tradable_ns(self, symbol: str) -> int | None:
        """Open time of the first bar of ``symbol`` that may decide; None when there is none."""
        times, first = self.bars[symbol].time, self.first(symbol)
        return int(times[first]) if len(times) > first else None


def load_market(pipeline: Pipeline, warmup: int = 0) -> MarketData:
    """Load every series that ``pipeline`` needs, with the largest warm-up that a component declares, or ``warmup``.

    Raises DataError for what cannot be trusted or does not fit together.
    """
    spec, warmup = pipeline.data, max(warmup, warmup_of(pipeline))
    requests = own_requests(pipeline, warmup)
    series: dict[str, Bars] = {}
    gaps: dict[str, Gaps] = {}
    for request, loaded in zip(requests, _answers(pipeline.source, requests), strict=True):
        bars = _in_range(loaded, request)
        gaps[request.symbol] = _check_spacing(bars, spec.gaps)
        series[request.symbol] = _filled(bars) if spec.gaps == "fill" and gaps[request.symbol].count else bars
    _check_together(series, spec.timeframe)
    _check_volume(series, pipeline)
    if spec.informative:
        series = _with_informative(pipeline.source, series, spec, gaps)
    known = pipeline.source.instruments(spec.symbols)
    first = min(int(bars.time[0]) for bars in series.values())
    data = MarketData(
        bars=series,
        instruments={symbol: known.get(symbol, Instrument(symbol)) for symbol in series},
        timeframe=spec.timeframe,
        warmup=warmup,
        start_ns=first if spec.start_ns is None else max(first, spec.start_ns),
        gaps=gaps,
    )
    return attrs.evolve(data, notes=tuple(_notes(data, spec)))


def informative_requests(spec: DataSpec, start_ns: int, end_ns: int | None) -> list[BarRequest]:
    """What a run asks its source for beside its own candles, whose first bar opens at ``start_ns``."""
    return [BarRequest(symbol, timeframe, start_ns, end_ns) for symbol, timeframe in _informative_names(spec)]


def own_requests(pipeline: Pipeline, warmup: int) -> list[BarRequest]:
    """The candles of its own symbols that a run asks its source for, with ``warmup`` bars before its start."""
    spec = pipeline.data
    return [BarRequest(symbol, spec.timeframe, spec.start_ns, spec.end_ns, warmup) for symbol in spec.symbols]


def _notes(data: MarketData, spec: DataSpec) -> Iterator[str]:
    """What the user should know of the candles before believing a result."""
    policy = spec.gaps
    for symbol, gaps in data.gaps.items():
        if gaps.count:
            done = "filled with flat bars that cannot trade" if policy == "fill" else "kept"
            yield f"{symbol}: {gaps}, {done}"
    yield from _short(data, spec)
    for symbol, bars in data.bars.items():
        first, start = data.first_tradable_ns(symbol), int(bars.time.searchsorted(data.start_ns))
        lost = data.first(symbol) - start
        if first is None:
            yield f"{symbol}: {len(bars)} bars loaded and the warm-up takes {data.warmup}: nothing can be decided"
        elif lost > _LONG_WARMUP * (len(bars) - start):
            yield f"{symbol}: the warm-up takes the first {lost} of {len(bars) - start} bars, up to {utc_text(first)}"


def _short(data: MarketData, spec: DataSpec) -> Iterator[str]:
    """Series that lack more of the asked range, at either end, than a long weekend explains."""
    least = max(4 * NS_PER_DAY, 2 * data.timeframe.ns)
    for symbol, bars in data.bars.items():
        first, last = int(bars.time[0]), int(bars.time[-1]) + data.timeframe.ns
        if spec.start_ns is not None and first - spec.start_ns >= least:
            yield f"{symbol}: asked from {utc_text(spec.start_ns)}, the candles begin {utc_text(first)}"
        if spec.end_ns is not None and spec.end_ns - last >= least:
            yield f"{symbol}: asked to {utc_text(spec.end_ns)}, the candles end {utc_text(last)}"


def warmup_of(pipeline: Pipeline) -> int:
    """The largest warm-up, in bars, that a component of ``pipeline`` declares."""
    components = (pipeline.strategy, pipeline.costs, pipeline.sizer, *(named.rule for named in pipeline.risk))
    return max(int(declared_warmup(component)) for component in components)


def _answers(source: DataSource, requests: Sequence[BarRequest]) -> Iterator[Bars]:
    answers = iter(source.bars(requests))
    for request in requests:
        bars = next(answers, None)
        if bars is None or bars.symbol != request.symbol or bars.timeframe != request.timeframe:
            raise DataError(f"{request.symbol} {request.timeframe}: the data source answered with {bars!r} instead")
        yield bars


def _in_range(bars: Bars, request: BarRequest) -> Bars:
    """Cut to the asked range and at most ``warmup`` bars before it; refuse an empty range."""
    start = 0 if request.start_ns is None else int(bars.time.searchsorted(request.start_ns))
    stop = len(bars) if request.end_ns is None else int(bars.time.searchsorted(request.end_ns))
    if stop <= start:
        begin = "the beginning" if request.start_ns is None else utc_text(request.start_ns)
        end = "the end" if request.end_ns is None else utc_text(request.end_ns)
        raise DataError(
            f"{bars.symbol} {bars.timeframe}: no bars from {begin} to {end}; "
            "change [data] start or end, or get the candles"
        )
    first = max(0, start - request.warmup) if request.start_ns is not None else 0
    return bars if (first, stop) == (0, len(bars)) else bars.slice(first, stop)


def _check_spacing(bars: Bars, policy: str) -> Gaps:
    """The gaps of a series. Raises DataError for overlapping bars, and for any gap where the policy is ``fail``."""
    steps = np.diff(bars.time)
    length = bars.timeframe.ns
    if (steps < length).any():
        row = int(np.argmax(steps < length)) + 1
        raise DataError(
            f"{bars.symbol} {bars.timeframe}: the bar at {utc_text(int(bars.time[row]))} opens before the one "
            "before it has closed; the candles are of another timeframe"
        )
    gaps = gaps_in(bars.time, bars.timeframe)
    if gaps.count and policy == "fail":
        before = int(bars.time[np.argmax(steps > length)])
        raise DataError(
            f"{bars.symbol} {bars.timeframe}: {gaps}, the first after {utc_text(before)}; "
            'get the missing candles, or set [data] gaps = "keep" or "fill"'
        )
    return gaps


def _filled(bars: Bars) -> Bars:
    """Flat bars at the last close in every gap, flagged synthetic."""
    length = bars.timeframe.ns
    counts = np.append(np.maximum(np.diff(bars.time) // length, 1), 1)
    row = np.repeat(np.arange(len(bars)), counts)
    offset = np.arange(len(row)) - np.repeat(np.cumsum(counts) - counts, counts)
    made = offset > 0
    columns = [np.where(made, bars.close[row], getattr(bars, name)[row]) for name in PRICE_COLUMNS]
    columns.append(np.where(made, 0.0, bars.volume[row]))
    was = False if bars.synthetic is None else bars.synthetic[row]
    time = bars.time[row] + offset * length
    return Bars(bars.symbol, bars.timeframe, time, *columns, synthetic=made | was, origin=bars.origin)


def _check_together(series: Mapping[str, Bars], timeframe: Timeframe) -> None:
    """No bar of one symbol may open inside a bar of another."""
    moments = all_moments([bars.time for bars in series.values()])
    inside = np.diff(moments) < timeframe.ns
    if inside.any():
        at = int(moments[int(np.argmax(inside)) + 1])
        names = " or ".join(symbol for symbol, bars in series.items() if at in bars.time)
        raise DataError(
            f"{names}: the bar at {utc_text(at)} opens inside a {timeframe} bar of another symbol; "
            "align the candles to one clock"
        )


def _check_volume(series: Mapping[str, Bars], pipeline: Pipeline) -> None:
    """Raises DataError for a series without any volume where the strategy says that it needs some."""
    way_out = getattr(pipeline.strategy, "needs_volume", None)
    for symbol, bars in series.items() if way_out else ():
        if not bars.volume.any():
            where = f"{bars.origin}: {symbol}" if bars.origin else symbol
            name = pipeline.resolved.get("strategy", {}).get("use", type(pipeline.strategy).__name__)
            raise DataError(
                f"{where}: the candles have no volume, which the volume filter of strategy {name!r} needs; "
                f"switch it off with {way_out} under [strategy]"
            )


def all_moments(times: Sequence[Ints]) -> Ints:
    """Every open time that occurs in any of ``times``, once, ascending."""
    first = times[0]
    if all(len(other) == len(first) and np.array_equal(other, first) for other in times[1:]):
        return first
    return np.unique(np.concatenate(times))


def _with_informative(
    source: DataSource, series: Mapping[str, Bars], spec: DataSpec, gaps: dict[str, Gaps]
) -> dict[str, Bars]:
    """Each series with the declared other timeframes and symbols, from its own first bar on to its own end.

    They obey the same policy for missing bars, and their gaps join ``gaps`` under ``BTC/USDT@1h``.
    """
    first = min(int(bars.time[0]) for bars in series.values())
    end = max(int(bars.time[-1]) for bars in series.values()) + spec.timeframe.ns
    others: dict[tuple[str, str], Bars] = {}
    requests = informative_requests(spec, first, end)
    for bars in _informative(source, requests, series, spec):
        name = f"{bars.symbol}@{bars.timeframe}"
        if not len(bars):
            raise DataError(
                f"{name}: no bars from {utc_text(first)} to {utc_text(end)}; "
                "take it out of [data] informative, or get the candles"
            )
        gaps[name] = _check_spacing(bars, spec.gaps)
        whole = _filled(bars) if spec.gaps == "fill" and gaps[name].count else bars
        others[bars.symbol, str(bars.timeframe)] = whole
    return {symbol: attrs.evolve(bars, others=others) for symbol, bars in series.items()}


def _informative_names(spec: DataSpec) -> list[tuple[str, Timeframe]]:
    """Symbol and timeframe of each declared series, once."""
    wanted: list[tuple[str, Timeframe]] = []
    for symbol, timeframe in spec.informative:
        wanted.extend((own, timeframe) for own in ([symbol] if symbol else spec.symbols))
    return list(dict.fromkeys(wanted))


def _informative(
    source: DataSource, requests: Sequence[BarRequest], series: Mapping[str, Bars], spec: DataSpec
) -> Iterator[Bars]:
    """What the source answers; what it lacks is made of bars of the run's own timeframe where that can be."""
    with suppress(MissingSeriesError):  # then one by one
        yield from list(_answers(source, requests))
        return
    for request in requests:
        try:
            yield from _answers(source, [request])
        except MissingSeriesError:
            if request.timeframe <= spec.timeframe or request.timeframe.ns % spec.timeframe.ns:
                raise
            own = attrs.evolve(request, timeframe=spec.timeframe)
            shorter = series[request.symbol] if request.symbol in series else next(_answers(source, [own]))
            yield resample(shorter, request.timeframe).bars


class ClosedMarket(Market):
    """The candles of a run, shown up to ``now_ns``. The engine moves ``now_ns`` and ``symbol``."""

    def __init__(self, bars: Mapping[str, Bars], timeframe: Timeframe, prepared: Mapping[str, Any]) -> None:
        self._bars = bars
        self._prepared = prepared
        self._symbols = tuple(bars)
        self.timeframe = timeframe
        self.now_ns = 0
        self.symbol = self._symbols[0]

    @property
    def symbols(self) -> tuple[str, ...]:
        return self._symbols

    def closed(self, symbol: str, count: int) -> Bars:
        bars = self._bars[symbol]
        stop = self._closed_count(bars)
        return bars.slice(max(0, stop - count), stop)

    def prepared(self, symbol: str) -> Any:
        values = self._prepared.get(symbol)
        stop = self._closed_count(self._bars[symbol])
        return None if values is None or stop == 0 else values[stop - 1].item()

    def _closed_count(self, bars: Bars) -> int:
        return bars.index_at(self.now_ns - self.timeframe.ns) + 1


class RollingMarket(ClosedMarket):
    """The same, but the cost model prepares the last ``window`` bars anew, as it would live."""

    def __init__(self, bars: Mapping[str, Bars], timeframe: Timeframe, prepare: Any, window: int) -> None:
        super().__init__(bars, timeframe, {})
        self._prepare = prepare
        self._window = window

    def prepared(self, symbol: str) -> Any:
        seen = self.closed(symbol, self._window)
        return None if self._prepare is None or not len(seen) else self._prepare(seen)[-1].item()
