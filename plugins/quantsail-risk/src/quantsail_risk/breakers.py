"""What every breaker has: for how long it refuses entries, and whether it also closes positions."""

from __future__ import annotations

from typing import Any, Literal

import attrs
from attrs.validators import in_, instance_of, or_

from quantsail_framework import Market, Portfolio, Request, Timeframe

Action = Literal["refuse", "flatten"]
Duration = Timeframe | Literal["day", "run"]
END_OF_TIME_NS = 2**63 - 1


def action() -> Any:
    """The option ``action``."""
    return attrs.field(
        default="refuse",
        validator=in_(("refuse", "flatten")),
        metadata={"doc": "What to do then: refuse entries, or flatten, which also closes positions."},
    )


def duration(default: Any = attrs.NOTHING) -> Any:
    """The option ``duration``."""
    doc = 'How long entries are refused: a length such as "4h", "day" until the trading day ends, "run" for good.'
    known = or_(instance_of(Timeframe), in_(("day", "run")))
    return attrs.field(default=default, validator=known, metadata={"doc": doc})


def until_ns(length: Duration, portfolio: Portfolio, market: Market) -> int:
    """When a trip of that length ends, if it begins now."""
    if length == "day":
        return portfolio.day_end_ns
    return market.now_ns + length.ns if isinstance(length, Timeframe) else END_OF_TIME_NS


class ActsAlone:
    """A breaker that refuses only while it is tripped, which the engine looks after."""

    __slots__ = ()

    def check(self, request: Request, portfolio: Portfolio, market: Market) -> None:
        """Approves: a trip in force has refused before."""
        return
