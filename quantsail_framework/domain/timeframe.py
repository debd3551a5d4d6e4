"""The length of a bar: ``"5m"``, ``"1h"``, ``"1d"``."""

from __future__ import annotations

import re
from functools import total_ordering
from typing import Any

import attrs

NS_PER_SECOND = 1_000_000_000
NS_PER_DAY = 86_400 * NS_PER_SECOND
_FIRST_MONDAY_NS = 4 * NS_PER_DAY
_UNIT_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_PATTERN = re.compile(r"([1-9]\d*)([smhdw])")


@total_ordering
@attrs.frozen(order=False)
class Timeframe:
    """A bar length in ccxt's notation: a count and one of s, m, h, d, w.

    Months (``1M``) have no fixed length and are refused.
    """

    text: str
    ns: int = attrs.field(init=False, eq=False)

    def __attrs_post_init__(self) -> None:
        match = _PATTERN.fullmatch(self.text)
        if match is None:
            raise ValueError(
                f"timeframe {self.text!r} is not a count and one of s, m, h, d, w (such as '5m' or '1h'); "
                "calendar months have no fixed length and are not supported"
            )
        object.__setattr__(self, "ns", int(match[1]) * _UNIT_SECONDS[match[2]] * NS_PER_SECOND)

    def __lt__(self, other: Timeframe) -> bool:
        return self.ns < other.ns

    def __str__(self) -> str:
        return self.text


def bucket_start(time_ns: Any, timeframe: Timeframe) -> Any:
    """The open of the bar of ``timeframe`` that ``time_ns`` (an int or an array, ns UTC) falls into.

    Bars are aligned to 1970-01-01 00:00 UTC, and those of whole weeks to Monday 1970-01-05, as exchanges do.
    """
    offset = _FIRST_MONDAY_NS if timeframe.text.endswith("w") else 0
    return time_ns - (time_ns - offset) % timeframe.ns
