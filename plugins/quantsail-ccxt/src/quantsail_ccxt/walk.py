"""From one page to the next through a range of time, however the venue cuts its pages, and always to an end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence

import attrs

from quantsail_ccxt.failures import GaveUpError
from quantsail_ccxt.pages import Page, Row
from quantsail_framework.domain.bars import utc_text

PATIENCE = 8  # empty pages in a row, after which the steps grow
SPARE_CALLS = 1_000  # beyond four times as many as the range has pages


@attrs.frozen
class Stretch:
    """What was learnt of the time up to ``until_ms``. ``sure``: a later candle proves that there is no other."""

    rows: Sequence[Row]
    until_ms: int
    sure: bool = True


@attrs.define
class Walk:
    """One walk through [start, end), in ms. ``ask`` gives the page from a time on, cut to the range.

    Every step leads on by at least one bar: a venue that rounds the time down, repeats a page or sends the newest
    first cannot hold it up. An empty page is not the end, as outages and the time before a listing are empty too.
    Once a page came full, the ``ahead`` next ones are asked for at the same time.
    """

    about: str
    ask: Callable[[int], Awaitable[Page]]
    start_ms: int
    end_ms: int
    step_ms: int
    limit: int
    ahead: int = 0
    _asked: dict[int, asyncio.Task[Page]] = attrs.field(init=False, factory=dict)
    _calls: int = attrs.field(init=False, default=0)
    _width: int = attrs.field(init=False)  # how much time a page spans, ms

    def __attrs_post_init__(self) -> None:
        self._width = self.step_ms * self.limit

    async def stretches(self) -> AsyncGenerator[Stretch, None]:
        """The range in order. Raises GaveUpError at a candle that is impossible, after all that was before it."""
        try:
            async for stretch in self._stretches():
                yield stretch
        finally:
            for task in self._asked.values():
                task.cancel()
            await asyncio.gather(*self._asked.values(), return_exceptions=True)

    async def _stretches(self) -> AsyncIterator[Stretch]:
        at = before = self.start_ms
        while at < self.end_ms:
            page = await self._page(at)
            if page.fault:
                yield Stretch(page.rows, page.fault_ms)
                raise GaveUpError(self._impossible(page))
            if page.beyond:
                yield Stretch(page.rows, self.end_ms)
                return
            if page.rows and page.rows[0][0] == at > before:  # the page before was full: so much it holds, and no more
                self._width = min(self._width, at - before)
            if page.rows and page.rows[-1][0] + self.step_ms == at + self._width:
                self._ask_ahead(at)
            sure = bool(page.rows)
            before, at = at, page.rows[-1][0] + self.step_ms if page.rows else await self._after_silence(at)
            yield Stretch(page.rows, min(at, self.end_ms), sure)

    async def _page(self, at: int) -> Page:
        self._calls += 1
        pages = (self.end_ms - self.start_ms) // self._width
        if self._calls > SPARE_CALLS + 4 * pages:
            raise GaveUpError(f"{self.about}: {self._calls} requests for {pages} pages of candles; something is wrong")
        task = self._asked.pop(at, None)
        return await (task or self.ask(at))

    def _ask_ahead(self, at: int) -> None:
        for later in range(at + self._width, min(at + (self.ahead + 1) * self._width, self.end_ms), self._width):
            if later not in self._asked:
                self._asked[later] = asyncio.ensure_future(self.ask(later))

    def _impossible(self, page: Page) -> str:
        when = utc_text(page.fault_ms * 1_000_000)
        return (
            f"{self.about}: the candle of {when} is impossible, {page.fault}; "
            "those before it are stored, fetch again later, or what comes after it"
        )

    async def _after_silence(self, silent: int) -> int:
        """Where to go on after the empty page at ``silent``.

        First page by page, since an outage may have candles within; then in growing steps, and back to the first
        candle by halving: what is silent for that long is so throughout.
        """
        step, quiet = self._width, 1
        while (probe := silent + step) < self.end_ms:
            page = await self._page(probe)
            if page.rows or page.fault or page.beyond:
                found = page.rows[0][0] if page.rows else page.fault_ms or self.end_ms
                # Candles from the probe on may have begun before, if pages span less than we think.
                return probe if step == self._width and found > probe else await self._first(silent, found)
            silent = probe
            quiet += 1
            if quiet > PATIENCE:
                step = max(self._width, min(2 * step, self.end_ms - self._width - silent))
        return self.end_ms

    async def _first(self, silent: int, found: int) -> int:
        """The time of the first candle after ``silent``; one is at ``found``."""
        while found - silent > self.step_ms:
            middle = silent + (found - silent) // (2 * self.step_ms) * self.step_ms
            page = await self._page(middle)
            first = page.rows[0][0] if page.rows else page.fault_ms or self.end_ms
            silent, found = (silent, first) if first < found else (max(silent + self.step_ms, middle), found)
        return found
