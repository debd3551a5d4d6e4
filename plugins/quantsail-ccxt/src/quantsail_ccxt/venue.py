"""A venue as the fetcher uses it: its markets, its clock and its pages, asked again where that can help."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from decimal import Decimal
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from quantsail_ccxt.client import DECIMAL_PLACES, TICK_SIZE, VERSION, connect
from quantsail_ccxt.clock import Clock
from quantsail_ccxt.failures import BrokenAnswerError, Failure, GaveUpError, judge
from quantsail_ccxt.pace import Pace
from quantsail_ccxt.pages import Page, checked
from quantsail_framework.domain.bars import utc_text
from quantsail_framework.domain.instrument import Instrument
from quantsail_framework.errors import FetchError, MissingSeriesError
from quantsail_framework.ports.data_source import BarRequest

TRIES = 8
FIRST_WAIT_S, LONGEST_WAIT_S = 1.0, 60.0
LONGEST_HOLD_S = 600.0  # what a venue may ask us to wait before we leave it to the next call
PAGE = 500  # candles, where ccxt does not say how many a venue gives at once

T = TypeVar("T")

_log = logging.getLogger(__name__)


class Venue:
    """An exchange of ccxt, open for the time of one fetch."""

    def __init__(
        self, exchange: str, config: Mapping[str, Any], hold_file: Path, clock: Clock, rng: np.random.Generator
    ) -> None:
        self.name = exchange
        self.source = f"{exchange}, by ccxt {VERSION}"
        self._clock = clock
        self._rng = rng
        self._pace = Pace(clock, hold_file)
        self._client = connect(exchange, config, self._pace)
        self._set_clock(clock.now_ms())

    async def open(self) -> None:
        """Load its markets and set our clock by its own."""
        await self._call(self.name, self._client.load_markets)
        if self._client.has.get("fetchTime") is True:
            self._set_clock(await self._call(self.name, self._client.fetch_time))

    async def close(self) -> None:
        """Close its connections."""
        await self._client.close()

    def now_ms(self) -> int:
        """The time by its clock, or by ours where it tells none: as on opening, and what has passed since.

        The clock of this machine may be set meanwhile.
        """
        return self._opened_ms + int((self._clock.monotonic() - self._opened) * 1000)

    def _set_clock(self, now_ms: int) -> None:
        self._opened_ms, self._opened = now_ms, self._clock.monotonic()

    # --- markets -----------------------------------------------------------------------------

    @property
    def timeframes(self) -> list[str]:
        """The lengths of candles that it has, as ccxt calls them."""
        return list(self._client.timeframes or ())

    def check_symbol(self, symbol: str) -> None:
        """Raise MissingSeriesError, with what is near, for a symbol that the venue lacks."""
        markets = self._client.markets
        if symbol not in markets:
            near = get_close_matches(symbol.upper(), list(markets), n=3)
            hint = f"did you mean {' or '.join(near)}?" if near else f"it has {len(markets)} others"
            raise MissingSeriesError(f"{self.name} has no market {symbol}; {hint}")

    def instrument(self, symbol: str) -> Instrument | None:
        """Tick, lot and smallest notional as the venue states them; None for a symbol that it lacks."""
        market = self._client.markets.get(symbol)
        if market is None:
            return None
        smallest = ((market.get("limits") or {}).get("cost") or {}).get("min")
        steps = market.get("precision") or {}
        return Instrument(
            symbol, self._step(steps.get("price")), self._step(steps.get("amount")), float(smallest or 0.0)
        )

    def _step(self, precision: Any) -> Decimal | None:
        """A float counts as the decimal that it prints as, which is the venue's own text."""
        if precision is None:
            return None
        mode, value = self._client.precisionMode, Decimal(str(precision))
        step = value if mode == TICK_SIZE else Decimal(1).scaleb(-int(value)) if mode == DECIMAL_PLACES else None
        return step if step is not None and step.is_finite() and step > 0 else None

    # --- candles -----------------------------------------------------------------------------

    def limit(self, symbol: str) -> int:
        """How many candles it gives at once."""
        return int(self._client.feature_value(symbol, "fetchOHLCV", "limit") or PAGE)

    async def page(self, request: BarRequest, since_ms: int, end_ms: int) -> Page:
        """The candles from ``since_ms`` on, up to the first that is impossible.

        A page with one, or with older candles only, is asked for again, as it may be mended.
        """
        about = f"{self.name} {request.symbol} {request.timeframe}"
        step_ms = request.timeframe.ns // 1_000_000
        last = Page()

        async def ask() -> Page:
            nonlocal last
            last = Page()
            rows = await self._client.fetch_ohlcv(
                request.symbol, str(request.timeframe), since_ms, self.limit(request.symbol)
            )
            last = checked(rows, since_ms, end_ms, step_ms)
            if last.fault or last.stale:
                raise BrokenAnswerError
            return last

        try:
            return await self._call(about, ask)
        except GaveUpError:
            if last.fault:
                return last
            if last.stale:
                when = utc_text(since_ms * 1_000_000)
                raise GaveUpError(f"{about}: asked for what came after {when}, it sends older candles only") from None
            raise

    # --- asking again ------------------------------------------------------------------------

    async def _call(self, about: str, ask: Callable[[], Awaitable[T]]) -> T:
        """What ``ask`` gives. Raises FetchError at once for what would fail again, GaveUpError after some tries."""
        failure = Failure("")
        for attempt in range(TRIES):
            if self._pace.held_s > LONGEST_HOLD_S:
                raise GaveUpError(f"{about}: {self._pace.why_held}; call again then")
            try:
                return await ask()
            except Exception as error:  # noqa: BLE001 - ccxt raises of everything
                failure = judge(error, self.now_ms())
            if failure.permanent:
                raise FetchError(f"{about}: refused with {failure.text}; nothing is gained by asking again")
            if attempt < TRIES - 1 or failure.limited:
                await self._back_off(about, attempt, failure)
        raise GaveUpError(f"{about}: {failure.text} after {TRIES} tries; what came is stored, call again to go on")

    async def _back_off(self, about: str, attempt: int, failure: Failure) -> None:
        """Wait anywhere up to a bound that doubles (full jitter), and no less than the venue asks for."""
        bound = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2**attempt)
        wait = max(float(self._rng.uniform(0.0, bound)), failure.retry_after_s or 0.0)
        _log.warning("%s: %s; trying again in %.0f s (%d of %d)", about, failure.text, wait, attempt + 2, TRIES)
        if failure.limited:
            self._pace.hold(wait, told=failure.retry_after_s is not None)
        else:
            await self._clock.sleep(wait)
