"""Where bars are missing in a series."""

from __future__ import annotations

import attrs
import numpy as np

from quantsail_framework.domain.bars import Ints
from quantsail_framework.domain.timeframe import Timeframe


@attrs.frozen
class Gaps:
    """Holes in a series: how many, and how many bars they lack."""

    count: int = 0
    missing: int = 0

    def __str__(self) -> str:
        holes, bars = "gap" if self.count == 1 else "gaps", "bar" if self.missing == 1 else "bars"
        return f"{self.count} {holes} ({self.missing} {bars} missing)"


def holes(times: Ints, timeframe: Timeframe) -> list[tuple[int, int]]:
    """[start, end) of each stretch without bars between the first and the last of ``times``, ns."""
    rows = np.flatnonzero(np.diff(times) > timeframe.ns)
    return [(int(times[row]) + timeframe.ns, int(times[row + 1])) for row in rows]


def gaps_in(times: Ints, timeframe: Timeframe) -> Gaps:
    """How many holes ``times`` has, and how many whole bars they lack."""
    steps = np.diff(times)
    wide = steps[steps > timeframe.ns]
    return Gaps(len(wide), int((wide // timeframe.ns - 1).sum()))
