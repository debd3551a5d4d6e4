"""When the next request may go out: the venue's rate limit, and for how long it told us to stay away."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from quantsail_ccxt.clock import Clock
from quantsail_ccxt.failures import LONGEST_TOLD_S
from quantsail_framework.domain.bars import utc
from quantsail_framework.errors import DataError
from quantsail_framework.store.files import read_json, write_json


class Pace:
    """One for all series of a venue.

    Each request costs a time during which no other may go out: all the time is used, and none is waited for
    twice. What the venue told us to wait is kept in ``file`` too, since a restart does not lift a ban.
    """

    def __init__(self, clock: Clock, file: Path) -> None:
        self._clock = clock
        self._file = file
        self._free = self._held = clock.monotonic()
        self._held += min(max(0.0, _until_s(file) - clock.now_ms() / 1000), LONGEST_TOLD_S)

    @property
    def held_s(self) -> float:
        """For how many seconds no request may go out; 0 when one may."""
        return max(0.0, self._held - self._clock.monotonic())

    @property
    def why_held(self) -> str:
        """What the venue asks for, and where that is noted."""
        return f"it asks to be left alone for {self.held_s:.0f} s ({self._file} says so)"

    def hold(self, seconds: float, *, told: bool) -> None:
        """No request of any series for so long. ``told``: because the venue said so."""
        self._held = max(self._held, self._clock.monotonic() + seconds)
        if told:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            until_ns = round((self._clock.now_ms() + self.held_s * 1000) * 1_000_000)
            write_json(self._file, {"until": utc(until_ns).isoformat()})

    async def wait(self, cost_s: float) -> None:
        """Wait for one's turn, and take ``cost_s`` of the venue's time."""
        while True:
            now = self._clock.monotonic()
            turn = max(now, self._free, self._held)
            self._free = turn + cost_s
            if turn > now:
                await self._clock.sleep(turn - now)
            if self._held <= self._clock.monotonic():
                return


def _until_s(file: Path) -> float:
    """Until when the file says to stay away, in seconds since 1970; 0 where it says nothing that can be read."""
    try:
        return datetime.fromisoformat(read_json(file)["until"]).timestamp()
    except (DataError, LookupError, TypeError, ValueError, OverflowError):
        return 0.0  # at worst the venue tells us again
