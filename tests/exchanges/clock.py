"""A clock that stands still until somebody waits."""

from __future__ import annotations

import asyncio


class FakeClock:
    """Waiting takes no time and moves the clock on; ``slept`` holds how long each wait was."""

    def __init__(self, now_ms: int) -> None:
        self._now_s = now_ms / 1000
        self.slept: list[float] = []

    def now_ms(self) -> int:
        return round(self._now_s * 1000)

    def monotonic(self) -> float:
        return self._now_s

    async def sleep(self, seconds: float) -> None:
        due = self._now_s + seconds
        self.slept.append(seconds)
        await asyncio.sleep(0)
        self._now_s = max(self._now_s, due)

    def advance(self, seconds: float) -> None:
        self._now_s += seconds
