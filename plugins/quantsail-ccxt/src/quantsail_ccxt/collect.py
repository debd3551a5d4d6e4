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

from quantsail_ccxt.clock import BEGINNING_NS, Clock, SystemClock
from quantsail_ccxt.known import Known
from quantsail_framework.domain.bars import Bars, utc_text
from quantsail_framework.domain.instrument import Instrument
from quantsail_framework.errors import FetchError, MissingSeriesError
from quantsail_framework.ports.data_source import BarRequest, Fetched, FetchProgress
from quantsail_framework.store import Store
from quantsail_framework.store.paths import encoded

if TYPE_CHECKING:
    from quantsail_ccxt.pages import Row
    from quantsail_ccxt.silence import Verdict
    from quantsail_ccxt.venue import Venue
    from quantsail_ccxt.walk import Stretch

AT_ONCE = 4  # series, and pages of each: so many answers on their way fill the limit of a venue that takes its time
FLUSH_ROWS, FLUSH_S = 10_000, 5.0
GRACE_MS = 30_000  # after its close a candle may still change, or not be there yet
SETTLED_MS = 3_600_000  # silence where bars would have closed since may be a venue that is late
NS_PER_MS = 1_000_000

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
        """One Bars per request, once all of them are stored. Raises FetchError when that cannot be reached, and
        MissingSeriesError for what the venue lacks, once the others are stored."""
        lacking, there = self._sorted_out(requests)
        if not all(self._has(request) for request in there):
            fetched, lacks = _run(lambda: self._fetch(there, _tell_nobody, part=True))
            lacking += lacks
            for error in filter(None, (each.error for each in fetched)):
                raise FetchError(error)
        for missing in lacking:
            raise missing
        for request in requests:
            yield self._read(request)

    def fetch(self, requests: Sequence[BarRequest], progress: FetchProgress = _tell_nobody) -> list[Fetched]:
        """Store what is missing of each request; see ``quantsail_framework.ports.data_source.Fetcher``."""
        for missing in self._sorted_out(requests)[0]:
            raise missing
        if all(self._has(request) for request in requests):
            return [Fetched(request, 0, len(self._read(request))) for request in requests]
        return _run(lambda: self._fetch(requests, progress))[0]

    def _sorted_out(self, requests: Sequence[BarRequest]) -> tuple[list[MissingSeriesError], list[BarRequest]]:
        """What is known to be lacking, and the other requests. What is stored is there, wherever it came from."""
        lacks = [None if self._has(request) else self._known.lacks(request) for request in requests]
        there = [request for request, error in zip(requests, lacks, strict=True) if error is None]
        return [error for error in lacks if error], there

    def _has(self, request: BarRequest) -> bool:
        """Whether all of it was asked of the venue before."""
        if request.end_ns is None:
            return False
        beginning = self._beginning(request)
        start = beginning if request.start_ns is None else request.start_ns
        if self._missing(request, start, request.end_ns):
            return False
        known_from = self._known_from(request, start)
        return known_from <= beginning or self._count(request, known_from, start) >= request.warmup

    def _beginning(self, request: BarRequest) -> int:
        """What is older the venue does not have: asked for by its time, that is told, else it goes without."""
        return max(BEGINNING_NS, self._known.kept_from_ns(request))

    def _known_from(self, request: BarRequest, start_ns: int) -> int:
        """Since when all up to ``start_ns`` was asked of the venue. What is older is not next to it."""
        missing = self._missing(request, BEGINNING_NS, start_ns)
        return missing[-1][1] if missing else min(start_ns, BEGINNING_NS)

    def _missing(self, request: BarRequest, start_ns: int, end_ns: int) -> list[tuple[int, int]]:
        return self.store.missing(self.exchange, request.symbol, request.timeframe, start_ns, end_ns)

    def _count(self, request: BarRequest, start_ns: int, end_ns: int) -> int:
        """How many bars of [start, end) are stored."""
        if not request.warmup or start_ns >= end_ns:
            return 0
        return len(self._read(attrs.evolve(request, start_ns=start_ns, end_ns=end_ns, warmup=0)))

    def _read(self, request: BarRequest) -> Bars:
        """The asked range, and of the bars before it those that follow on each other up to it."""
        if not self.store.series(self.exchange, request.symbol, request.timeframe).paths():
            return _bars(request, [])  # the venue was asked, and has none
        bars = self.store.bars(self.exchange, request)
        if request.start_ns is None or not request.warmup:
            return bars
        return bars.slice(int(bars.time.searchsorted(self._known_from(request, request.start_ns))), len(bars))

    @property
    def _known(self) -> Known:
        return Known(self.exchange, self.store.root / encoded(self.exchange, "venue") / "known.json")

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
            self._known.save_timeframes(venue.timeframes)
            yield venue
        finally:
            await venue.close()

    # --- fetching ----------------------------------------------------------------------------

    async def _fetch(
        self, requests: Sequence[BarRequest], progress: FetchProgress, *, part: bool = False
    ) -> tuple[list[Fetched], list[MissingSeriesError]]:
        """What the requests came to, and what the venue lacks: that is raised before anything is fetched, unless
        ``part`` of them will do."""
        from quantsail_ccxt.failures import GaveUpError

        try:
            async with self._open() as venue:
                there, lacking = self._checked(venue, requests)
                if lacking and not part:
                    raise lacking[0]
                self._save_instruments(venue, [request.symbol for request in there])
                return await self._all(venue, there, progress), lacking
        except GaveUpError as error:  # before any series was begun
            return [Fetched(request, 0, len(self._read(request)), str(error)) for request in requests], []

    def _checked(
        self, venue: Venue, requests: Sequence[BarRequest]
    ) -> tuple[list[BarRequest], list[MissingSeriesError]]:
        there: list[BarRequest] = []
        lacking: list[MissingSeriesError] = []
        for request in requests:
            try:
                venue.check_symbol(request.symbol)
                error = None if self._has(request) else self._known.lacks(request)
            except MissingSeriesError as unknown:
                error = unknown
            if error:
                lacking.append(error)
            else:
                there.append(request)
        return there, lacking

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
    _listed_ms: int | None = None  # when its first candle opens, once that is proved

    async def fetch(self) -> Fetched:
        """Fetch what is missing of the range, then of the bars before it."""
        from quantsail_ccxt.failures import GaveUpError

        request, owner = self.request, self.owner
        start = owner._beginning(request) if request.start_ns is None else request.start_ns
        end = min(self._closed_ns() if request.end_ns is None else request.end_ns, self._closed_ns())
        there = owner._read(attrs.evolve(request, warmup=0))
        self._stored = len(there)
        first = int(there.time[0]) if len(there) and request.start_ns is None else start
        self._expected = max(0, end - first) // request.timeframe.ns
        error = ""
        try:
            for missing in owner._missing(request, start, end):
                verdict = await self._range(*missing)
                if not verdict.real and (request.start_ns is not None or not self._stored):
                    self._note = self._not_there(missing, verdict)
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
        owner, request = self.owner, self.request
        until = reach = min(start, self._closed_ns())
        lacking = length = request.warmup
        beginning = owner._beginning(request)
        while lacking > 0 and reach > beginning:
            low = max(beginning, reach - length * request.timeframe.ns)
            for missing in owner._missing(request, low, reach)[::-1]:
                if not (await self._range(*missing)).real:
                    return  # it keeps no older ones
            reach, before = low, lacking
            lacking = request.warmup - owner._count(request, reach, until)
            length = 4 * length if lacking == before else lacking

    async def _range(self, start: int, end: int) -> Verdict:
        """Fetch [start, end). A silence at its begin counts as asked for where it is real; that is answered."""
        from quantsail_ccxt.silence import Verdict
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
        verdict = Verdict(real=True)
        batch: _Batch | None = None
        try:
            async with aclosing(walk.stretches()) as stretches:
                async for stretch in stretches:
                    if batch is None and (stretch.rows or stretch.until_ms >= end_ms):
                        found = stretch.rows[0][0] if stretch.rows else end_ms
                        verdict = await self._silence(first_ms, found, ended=bool(stretch.rows))
                        if verdict.there_ms is not None:
                            break
                        self._expected -= (found - first_ms) // walk.step_ms
                        batch = _Batch(self, first_ms if verdict.real else found)
                    if batch is not None:
                        batch.add(stretch)
        finally:
            if batch is not None:
                batch.flush()
        if verdict.there_ms is not None:  # the growing steps of the walk led over it
            there = verdict.there_ms * NS_PER_MS
            verdict = await self._range(start, there)
            await self._range(there, end)
        return verdict

    async def _silence(self, start_ms: int, end_ms: int, *, ended: bool) -> Verdict:
        """What to make of no candle in [start, end); ``ended``: one opens there."""
        from quantsail_ccxt.silence import Silence, Verdict

        if start_ms >= end_ms or (self._listed_ms is not None and end_ms <= self._listed_ms):
            return Verdict(real=True)
        verdict = await Silence(self.venue, self.request, start_ms, end_ms, ended).verdict()
        self._listed_ms = verdict.listed_ms or self._listed_ms
        if verdict.traded_ms is not None and verdict.there_ms is None and ended:
            self.owner._known.save_kept_from(self.request, end_ms * NS_PER_MS)
        return verdict

    def _not_there(self, asked: tuple[int, int], verdict: Verdict) -> str:
        """That older candles are not to be had, or may not be."""
        request = self.request
        bars = self.owner._read(attrs.evolve(request, start_ns=asked[0], warmup=0))
        name = f"{request.symbol} {request.timeframe} candles"
        only = f"{name} only from {utc_text(int(bars.time[0]))} on" if len(bars) else ""
        none = f"no {name} from {utc_text(asked[0])} to {utc_text(asked[1])}"
        about = f"{self.owner.exchange} has {only or none}"
        if verdict.traded_ms is None:
            return f"{about}, and nothing shows whether it traded before: start later, or import them"
        when = utc_text(verdict.traded_ms * NS_PER_MS)
        return f"{about}, though it traded at {when}: it keeps no older ones; start later, or import them"

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
