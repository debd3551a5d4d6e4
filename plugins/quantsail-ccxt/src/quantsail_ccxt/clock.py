"""Time as the fetcher sees it: every wait goes through here, so that tests can let it pass at will."""

from __future__ import annotations

import asyncio
import time
from typing import Protocol

BEGINNING_NS = 1_262_304_000 * 10**9  # 2010-01-01: no exchange has older candles


class Clock(Protocol):
    """The time of day, a time that never goes back, and waiting."""

    def now_ms(self) -> int:
        """Milliseconds since 1970, UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds since some moment."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        ...


class SystemClock:
    """The clock of this machine."""

    def now_ms(self) -> int:
        """Milliseconds since 1970, UTC."""
        return time.time_ns() // 1_000_000

    def monotonic(self) -> float:
        """Seconds since some moment."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)
