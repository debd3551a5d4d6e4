"""Entries at some hours of the day only: the risk rule `trading-hours`."""

from __future__ import annotations

import attrs
from attrs.validators import ge, instance_of, le
from quantsail_framework import Breach, Market, Portfolio, Request
from quantsail_framework.domain.bars import utc


def _whole_hour(doc: str, default: int) -> int:
    validator = [instance_of(int), ge(0), le(24)]
    hour: int = attrs.field(default=default, validator=validator, metadata={"doc": doc})
    return hour


@attrs.frozen
class TradingHours:
    """Refuses entries that are decided outside of [``from_hour``, ``to_hour``), in hours of the UTC day.

    Decided means: at the close of the signal bar, the moment at which the order goes out. From 22 to 6 goes over midnight; two
    equal hours refuse everything.
    """

    from_hour: int = _whole_hour("First hour of entries, UTC, 0 to 24.", 8)
    to_hour: int = _whole_hour("Hour at which entries end, UTC, 0 to 24.", 20)

    def check(self, request: Request, portfolio: Portfolio, market: Market) -> Breach | None:
        """None approves; a Breach tells the hour of the decision."""
        now = utc(market.now_ns)
        after_start, before_end = now.hour >= self.from_hour, now.hour < self.to_hour
        overnight = self.from_hour > self.to_hour
        if (after_start or before_end) if overnight else (after_start and before_end):
            return None
        return Breach(
            f"decided at {now:%H:%M} UTC; entries are from {self.from_hour} to {self.to_hour}", value=now.hour
        )
