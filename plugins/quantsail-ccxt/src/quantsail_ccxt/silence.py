"""Where a venue sends no candles: because there was no trade, or because it keeps no older ones.

A venue that keeps its last N candles answers as one whose market was listed later. What tells them apart are candles
of the same series from before the silence, and those of other timeframes, whose last N reach further back.
"""

from __future__ import annotations

import attrs

from quantsail_ccxt.clock import BEGINNING_NS
from quantsail_ccxt.failures import GaveUpError
from quantsail_ccxt.pages import Row
from quantsail_ccxt.venue import Venue
from quantsail_framework.domain.timeframe import NS_PER_SECOND, Timeframe
from quantsail_framework.errors import FetchError
from quantsail_framework.ports.data_source import BarRequest

_OTHERS = ("1w", "1d", "4h", "1h")
_MS = NS_PER_SECOND // 1_000


@attrs.frozen
class Verdict:
    """``real``: there was no trade; False where nothing proves it. ``traded_ms``: when there was some. ``there_ms``:
    a candle that is there all the same. ``listed_ms``: when the first one opens, where the market was listed later."""

    real: bool = False
    traded_ms: int | None = None
    there_ms: int | None = None
    listed_ms: int | None = None


@attrs.define
class Silence:
    """No candle of ``request`` was found in [start, end), in ms; one opens at the end where ``ended``."""

    venue: Venue
    request: BarRequest
    start_ms: int
    end_ms: int
    ended: bool

    async def verdict(self) -> Verdict:
        """What other candles show. Raises GaveUpError when they could not be had."""
        own = self.request.timeframe
        before_ms = self.start_ms - self._span_ms(own)
        if await self._rows(own, before_ms, self.start_ms):
            return Verdict(real=True)  # it keeps older ones: an outage
        found = Verdict()
        for other in self._others():
            one = await self._shown_by(other)
            if one.traded_ms is not None:
                return attrs.evolve(one, there_ms=await self._there_ms(one.traded_ms, other))
            found = one if one.real else found  # a shorter one knows better
        return found

    async def _there_ms(self, at_ms: int, length: Timeframe) -> int | None:
        """The first candle of the series within the longer one at ``at_ms``, by way of those between the two."""
        own = self.request.timeframe
        for shorter in [*(each for each in self._others() if own < each < length), own]:
            until_ms = min(at_ms + length.ns // _MS, self.end_ms)
            rows = await self._rows(shorter, at_ms, until_ms)
            if rows:
                at_ms, length = rows[0][0], shorter
        # One at the start would have been found: a venue that changes its mind is not asked for ever.
        return at_ms if length == own and at_ms > self.start_ms else None

    def _others(self) -> list[Timeframe]:
        """The longer timeframes, longest first; shorter ones where there is no longer one."""
        own = self.request.timeframe
        there = [Timeframe(text) for text in _OTHERS if text in self.venue.timeframes]
        return [each for each in there if own < each] or [each for each in there if each < own]

    async def _shown_by(self, other: Timeframe) -> Verdict:
        length = other.ns // _MS
        now_ms = self.venue.now_ms()
        rows = await self._rows(other, self.end_ms - self._span_ms(other) // 2, now_ms)
        inside = [row[0] for row in rows if self.start_ms <= row[0] <= self.end_ms - length]
        if inside:
            return Verdict(traded_ms=inside[0])
        if rows and rows[0][0] <= self.start_ms - length:
            # It goes back to before the silence, which holds the whole of one of its candles at least.
            return Verdict(real=self.end_ms - self.start_ms >= 2 * length)
        first_ms = await self._first_ms(rows, now_ms)
        together = first_ms is not None and first_ms < rows[0][0] + length and rows[0][0] < first_ms + self._step_ms
        return Verdict(real=together, listed_ms=first_ms if together else None)

    async def _first_ms(self, rows: list[Row], now_ms: int) -> int | None:
        """When the first candle after the silence opens, as far as it can be near the first of ``rows``."""
        if self.ended or not rows:
            return self.end_ms if rows else None
        near = await self._rows(self.request.timeframe, max(self.end_ms, rows[0][0]), now_ms)
        return near[0][0] if near else None

    @property
    def _step_ms(self) -> int:
        return self.request.timeframe.ns // _MS

    def _span_ms(self, timeframe: Timeframe) -> int:
        return self.venue.limit(self.request.symbol) * timeframe.ns // _MS

    async def _rows(self, timeframe: Timeframe, since_ms: int, end_ms: int) -> list[Row]:
        since_ms = max(since_ms, BEGINNING_NS // _MS)
        if since_ms >= end_ms:
            return []
        try:
            request = attrs.evolve(self.request, timeframe=timeframe)
            return list((await self.venue.page(request, since_ms, end_ms)).rows)
        except GaveUpError:
            raise
        except FetchError:
            return []  # the venue refuses it, and so it shows nothing
