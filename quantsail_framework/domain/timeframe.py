"""The length of a bar: ``"5m"``, ``"1h"``, ``"1d"``."""

from __future__ import annotations

import re
from functools import total_ordering
from typing import TYPE_CHECKING, TypeVar

import attrs

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

NS_PER_SECOND = 1_000_000_000
NS_PER_DAY = 86_400 * NS_PER_SECOND
_UNIT_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
# 1970-01-05, the first Monday: weeks start there, all other lengths at 1970-01-01 00:00 UTC, a Thursday.
_FIRST_MONDAY_NS = 4 * NS_PER_DAY
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


_Time = TypeVar("_Time", int, "npt.NDArray[np.int64]")


def bucket_start(time_ns: _Time, timeframe: Timeframe) -> _Time:
    """The open of the bar of length ``timeframe`` that holds ``time_ns`` (ns UTC), for one time or an array of them.

    Bars are counted from 1970-01-01 00:00 UTC, so days open at midnight UTC; weeks are counted from Monday.
    """
    anchor = _FIRST_MONDAY_NS if timeframe.text.endswith("w") else 0
    return time_ns - (time_ns - anchor) % timeframe.ns
