"""Bringing what is missing of each series from a venue into the store."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import attrs
import numpy as np

from quantsail_ccxt.clock import Clock, SystemClock
from quantsail_framework.domain.bars import Bars, utc_text
from quantsail_framework.domain.instrument import Instrument
from quantsail_framework.errors import FetchError
from quantsail_framework.ports.data_source import BarRequest, Fetched, FetchProgress
from quantsail_framework.store import Store
from quantsail_framework.store.paths import encoded

if TYPE_CHECKING:
    from quantsail_ccxt.pages import Row
    from quantsail_ccxt.venue import Venue
    from quantsail_ccxt.walk import Stretch

AT_ONCE = 4  # series, and pages of each: so many answers on their way fill the limit of a venue that takes its time
FLUSH_ROWS, FLUSH_S = 10_000, 5.0
GRACE_MS = 30_000  # after its close a candle may still change, or not be there yet
SETTLED_MS = 3_600_000  # silence where bars would have closed since may be a venue that is late
NS_PER_MS = 1_000_000
BEGINNING_NS = 1_262_304_000 * 10**9  # 2010-01-01: no exchange has older candles

T = TypeVar("T")


def _tell_nobody(_request: BarRequest, _stored: int, _of: int) -> None:
    """For who does not watch."""


@attrs.define
class Collector:
    """What is stored of one exchange, and how more comes there. ccxt is imported when something is missing."""

    store: Store
    exchange: str
    config: Mapping[str, Any] = attrs.field(factory=dict)
    clock: Clock = attrs.field(factory=SystemClock)
    rng: np.random.Generator = attrs.field(factory=np.random.default_rng)
    ahead: int = AT_ONCE

    def instruments(self, symbols: Sequence[str]) -> Mapping[str, Instrument]:
        """The rules of those markets, asked of the venue where they are not stored."""
        known = self.store.instruments(self.exchange, symbols)
        if set(symbols) <= set(known):
            return known

        async def ask() -> None:
            async with self._open() as venue:
                self._save_instruments(venue, symbols)

        _run(ask)
        return self.store.instruments(self.exchange, symbols)

    def bars(self, requests: Sequence[BarRequest]) -> Iterator[Bars]:
        """One Bars per request, once all of them are stored. Raises FetchError when that cannot be reached."""
        for fetched in self.fetch(requests):
            if fetched.error:
                raise FetchError(fetched.error)
        for request in requests:
            yield self._read(request)

    def fetch(self, requests: Sequence[BarRequest], progress: FetchProgress = _tell_nobody) -> list[Fetched]:
        """Store what is missing of each request; see ``quantsail_framework.ports.data_source.Fetcher``."""
        if all(self._has(request) for request in requests):
            return [Fetched(request, 0, len(self._read(request))) for request in requests]
        return _run(lambda: self._fetch(requests, progress))

    def _has(self, request: BarRequest) -> bool:
        """Whether all of it was asked of the venue before."""
        if request.end_ns is None:
            return False
        start = BEGINNING_NS if request.start_ns is None else request.start_ns
        return not self._missing(request, start, request.end_ns) and (
            self._lacks(request, start) <= 0 or not self._missing(request, BEGINNING_NS, start)
        )

    def _missing(self, request: BarRequest, start_ns: int, end_ns: int) -> list[tuple[int, int]]:
        return self.store.missing(self.exchange, request.symbol, request.timeframe, start_ns, end_ns)

    def _lacks(self, request: BarRequest, start_ns: int) -> int:
        """How many bars of the warm-up are not stored."""
        if not request.warmup:
            return 0
        before = attrs.evolve(request, start_ns=None, end_ns=start_ns, warmup=0)
        return request.warmup - len(self._read(before))

    def _read(self, request: BarRequest) -> Bars:
        if not self.store.series(self.exchange, request.symbol, request.timeframe).paths():
            return _bars(request, [])  # the venue was asked, and has none
        return self.store.bars(self.exchange, request)

    def _save_instruments(self, venue: Venue, symbols: Sequence[str]) -> None:
        found = [venue.instrument(symbol) for symbol in dict.fromkeys(symbols)]
        self.store.save_instruments(self.exchange, [instrument for instrument in found if instrument])

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[Venue]:
        """The venue, for the time of a ``with``."""
        from quantsail_ccxt.venue import Venue

        hold_file = self.store.root / encoded(self.exchange, "venue") / "held.json"
        venue = Venue(self.exchange, self.config, hold_file, self.clock, self.rng)
        try:
            await venue.open()
            yield venue
        finally:
            await venue.close()

    # --- fetching ----------------------------------------------------------------------------

    async def _fetch(self, requests: Sequence[BarRequest], progress: FetchProgress) -> list[Fetched]:
        from quantsail_ccxt.failures import GaveUpError

        try:
            async with self._open() as venue:
                for request in requests:
                    venue.check(request)
                self._save_instruments(venue, [request.symbol for request in requests])
                return await self._all(venue, requests, progress)
        except GaveUpError as error:  # before any series was begun
            return [Fetched(request, 0, len(self._read(request)), str(error)) for request in requests]

    async def _all(self, venue: Venue, requests: Sequence[BarRequest], progress: FetchProgress) -> list[Fetched]:
        free = asyncio.Semaphore(AT_ONCE)
        series: dict[tuple[str, str], asyncio.Lock] = defaultdict(asyncio.Lock)

        async def one(request: BarRequest) -> Fetched:
            async with series[request.symbol, str(request.timeframe)], free:
                return await _Series(self, venue, request, progress).fetch()

        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(one(request)) for request in requests]
        except BaseExceptionGroup as failed:
            raise failed.exceptions[0] from None
        return [task.result() for task in tasks]


@attrs.define
class _Series:
    """One request on its way into the store."""

    owner: Collector
    venue: Venue
    request: BarRequest
    progress: FetchProgress
    _new: int = 0
    _stored: int = 0
    _expected: int = 0
    _note: str = ""

    async def fetch(self) -> Fetched:
        """Fetch what is missing of the range, then of the bars before it."""
        from quantsail_ccxt.failures import GaveUpError

        request, owner = self.request, self.owner
        start = BEGINNING_NS if request.start_ns is None else request.start_ns
        end = min(self._closed_ns() if request.end_ns is None else request.end_ns, self._closed_ns())
        self._stored = len(owner._read(attrs.evolve(request, warmup=0)))
        self._expected = max(0, end - start) // request.timeframe.ns
        error = ""
        try:
            for missing in owner._missing(request, start, end):
                await self._range(*missing, strict=request.start_ns is not None)
            await self._warm_up(start)
        except GaveUpError as gave_up:
            error = str(gave_up)
        stored = len(owner._read(request))
        return Fetched(request, self._new, stored, "; ".join(text for text in (error, self._note) if text))

    def _closed_ns(self) -> int:
        """Every bar that opens before this has closed by the venue's clock, a while ago."""
        step_ms = self.request.timeframe.ns // NS_PER_MS
        grid = min(step_ms, 3_600_000)  # bars open on it in every zone
        return ((self.venue.now_ms() - GRACE_MS - step_ms) // grid + 1) * grid * NS_PER_MS

    async def _warm_up(self, start: int) -> None:
        """Go back until there are enough bars before ``start``, or the venue has no more."""
        lacking = length = self.owner._lacks(self.request, start)
        reach = min(start, self._closed_ns())
        while lacking > 0 and reach > BEGINNING_NS:
            low = max(BEGINNING_NS, reach - length * self.request.timeframe.ns)
            for missing in self.owner._missing(self.request, low, reach):
                await self._range(*missing, strict=False)
            reach, before = low, lacking
            lacking = self.owner._lacks(self.request, start)
            length = 4 * length if lacking == before else lacking

    async def _range(self, start: int, end: int, *, strict: bool) -> None:
        """Fetch [start, end). ``strict``: tell when the venue keeps no candles of a time at which there was trade."""
        from quantsail_ccxt.walk import Walk

        request, first_ms, end_ms = self.request, -(-start // NS_PER_MS), -(-end // NS_PER_MS)
        walk = Walk(
            f"{self.owner.exchange} {request.symbol} {request.timeframe}",
            lambda since_ms: self.venue.page(request, since_ms, end_ms),
            first_ms,
            end_ms,
            request.timeframe.ns // NS_PER_MS,
            self.venue.limit(request.symbol),
            self.owner.ahead,
        )
        batch: _Batch | None = None
        try:
            async with aclosing(walk.stretches()) as stretches:
                async for stretch in stretches:
                    if batch is None and (stretch.rows or stretch.until_ms >= end_ms):
                        found = stretch.rows[0][0] if stretch.rows else end_ms
                        self._expected -= (found - first_ms) // walk.step_ms
                        older = strict and await self._keeps_no_older(first_ms, found)
                        batch = _Batch(self, found if older else first_ms)
                    if batch is not None:
                        batch.add(stretch)
        finally:
            if batch is not None:
                batch.flush()

    async def _keeps_no_older(self, start_ms: int, first_ms: int) -> bool:
        traded_ms = await self.venue.traded_before(self.request, start_ms, first_ms)
        if traded_ms is None:
            return False
        self._note = (
            f"{self.owner.exchange} has {self.request.symbol} {self.request.timeframe} candles only from "
            f"{utc_text(first_ms * NS_PER_MS)} on, though it traded at {utc_text(traded_ms * NS_PER_MS)}: "
            "it keeps no older ones; start later, or import them"
        )
        return True

    def keep(self, rows: Sequence[Row], covered: tuple[int, int]) -> None:
        """Write, then tell."""
        owner, request = self.owner, self.request
        bars = _bars(request, rows)
        fetched_ns = self.venue.now_ms() * NS_PER_MS
        added = owner.store.add(
            owner.exchange, bars, source=self.venue.source, fetched_ns=fetched_ns, covered=[covered]
        )
        self._new += added.new
        self._stored += added.new
        self.progress(request, self._stored, max(self._stored, self._expected))


@attrs.define
class _Batch:
    """Candles that wait to be written together: a part of the store is written as a whole."""

    series: _Series
    from_ms: int
    until_ms: int = attrs.field(init=False)
    _rows: list[Row] = attrs.field(factory=list)
    _since: float = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.until_ms = self.from_ms
        self._since = self._now()

    def _now(self) -> float:
        return self.series.owner.clock.monotonic()

    def add(self, stretch: Stretch) -> None:
        """Take what a page brought. Silence counts as an answer only when it is old enough to be believed."""
        settled = self.series.venue.now_ms() - SETTLED_MS - self.series.request.timeframe.ns // NS_PER_MS
        until = stretch.until_ms if stretch.sure else min(stretch.until_ms, settled)
        self._rows += stretch.rows
        if until > self.until_ms:
            self.until_ms = until
        if len(self._rows) >= FLUSH_ROWS or self._now() - self._since >= FLUSH_S:
            self.flush()

    def flush(self) -> None:
        """Write what there is."""
        if self._rows or self.until_ms > self.from_ms:
            self.series.keep(self._rows, (self.from_ms * NS_PER_MS, self.until_ms * NS_PER_MS))
        self._rows, self.from_ms, self._since = [], self.until_ms, self._now()


def _bars(request: BarRequest, rows: Sequence[Row]) -> Bars:
    table = np.array(rows, np.float64).reshape(-1, 6)
    times = np.array([row[0] for row in rows], np.int64) * NS_PER_MS
    return Bars(request.symbol, request.timeframe, times, *table.T[1:], origin="fetched")


def _run(main: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run ``main`` to its end: here, or in a thread where a loop runs already, as in a notebook."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(main())
    begun: list[tuple[asyncio.AbstractEventLoop, asyncio.Task[Any]]] = []

    async def noted() -> T:
        task = asyncio.current_task()
        if task is not None:
            begun.append((asyncio.get_running_loop(), task))
        return await main()

    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(lambda: asyncio.run(noted()))
        try:
            return done.result()
        except KeyboardInterrupt:
            for loop, task in begun:
                loop.call_soon_threadsafe(task.cancel)
            raise
