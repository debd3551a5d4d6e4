"""How many open markets move like the new one: the risk rule ``max-correlated-positions``."""

from __future__ import annotations

import attrs
import numpy as np
from attrs.validators import ge, instance_of, le

from quantsail_framework import Bars, Breach, Market, Portfolio, Request
from quantsail_framework.domain.bars import Floats

ROUNDING = 1e-9  # a correlation within this of the threshold reaches it; a deviation this small is none


@attrs.frozen
class MaxCorrelatedPositions:
    """Refuses an entry while ``limit`` other markets with a position, open or waiting, correlate with it.

    Correlation is Pearson's, of simple close-to-close returns over the last ``window`` + 1 bars whose
    open times both markets have, and counts with its sign: a market that moves against the new one
    is no repetition of it. Too few common bars, or a price that stood still, counts as correlated:
    what cannot be measured is not trusted.
    """

    limit: int = attrs.field(
        validator=[instance_of(int), ge(0)],
        metadata={"doc": "Correlated markets that may be held at once, the new one included; 0 allows no entry."},
    )
    window: int = attrs.field(
        default=100, validator=[instance_of(int), ge(2)], metadata={"doc": "Returns that are compared, in bars."}
    )
    threshold: float = attrs.field(
        default=0.7,
        validator=[ge(-1.0), le(1.0)],
        metadata={"doc": "Correlation from which two markets count as the same, -1 to 1."},
    )

    @property
    def warmup(self) -> int:
        """Bars before the first with ``window`` returns."""
        return self.window

    def check(self, request: Request, portfolio: Portfolio, market: Market) -> Breach | None:
        """A Breach with the number of correlated markets as its value."""
        if portfolio.open_count < self.limit:
            return None
        held = [symbol for symbol in (*portfolio.positions, *portfolio.pending) if symbol != request.symbol]
        alike = [symbol for symbol in dict.fromkeys(held) if self._alike(market, request.symbol, symbol)]
        if len(alike) < self.limit:
            return None
        names = ", ".join(alike) or "none"
        return Breach(
            f"markets held that move like {request.symbol}: {len(alike)} ({names}), the limit is {self.limit}",
            self.limit,
            len(alike),
        )

    def _alike(self, market: Market, first: str, second: str) -> bool:
        closes = common_closes(market, first, second, self.window + 1)
        value = None if closes is None else correlation(*closes)
        return value is None or value >= self.threshold - ROUNDING


def common_closes(market: Market, first: str, second: str, count: int) -> tuple[Floats, Floats] | None:
    """Closes of both at the last ``count`` open times that both have; None when there are fewer."""
    size = count
    while True:
        one, two = market.closed(first, size), market.closed(second, size)
        _, rows, others = np.intersect1d(one.time, two.time, assume_unique=True, return_indices=True)
        if len(rows) >= count:
            return one.close[rows[-count:]], two.close[others[-count:]]
        if _nothing_older(one, two, size) or _nothing_older(two, one, size):
            return None
        size *= 2  # calendars differ: look further back


def _nothing_older(one: Bars, two: Bars, size: int) -> bool:
    """Whether ``one``, asked for ``size`` bars, gave all it has, and ``two`` reaches back to its first."""
    return len(one) < size and (len(one) == 0 or len(two) < size or bool(two.time[0] <= one.time[0]))


def correlation(first: Floats, second: Floats) -> float | None:
    """Pearson's correlation of the simple returns of two close series; None where one has no variance."""
    one, two = (closes[1:] / closes[:-1] - 1.0 for closes in (first, second))
    left, right = one - one.mean(), two - two.mean()
    if left @ left <= ROUNDING**2 * (one @ one) or right @ right <= ROUNDING**2 * (two @ two):
        return None
    return float(left @ right / np.sqrt((left @ left) * (right @ right)))
