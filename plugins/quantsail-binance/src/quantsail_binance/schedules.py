"""Binance spot fee schedules, by the month from which they count: data, each with its source."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Schedule(NamedTuple):
    """Fees by VIP level, in basis points of the notional, before any discount. ``source`` says where from."""

    source: str
    maker_bps: tuple[float, ...]
    taker_bps: tuple[float, ...]

    @property
    def levels(self) -> int:
        """How many VIP levels are known, counted from 0."""
        return len(self.taker_bps)


# A schedule knows only the levels that its source states; add one with its date and source, never alter one.
SCHEDULES: Mapping[str, Schedule] = {
    "2026-02": Schedule(
        source="Quantsail's original specification, February 2026, levels 0 to 4.",
        maker_bps=(10.0, 9.0, 8.0, 7.0, 7.0),
        taker_bps=(10.0, 10.0, 10.0, 9.0, 9.0),
    ),
}

# Share of the fee that is left when it is paid in BNB; same source.
BNB_FACTOR = 0.75
