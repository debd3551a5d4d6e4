"""The unit of times that are kept as whole numbers: told by their size."""

from __future__ import annotations

from quantsail_framework.domain.timeframe import NS_PER_SECOND

# Nanoseconds per count of each unit in which a time may be kept.
UNITS = {"s": NS_PER_SECOND, "ms": 1_000_000, "us": 1_000, "ns": 1}
# A count is of the one unit that puts it between 1975 and 2200; the windows of two units do not touch.
_EARLIEST_S, _LATEST_S = 157_766_400, 7_258_118_400


def unit_of(low: int, high: int) -> str | None:
    """``"s"``, ``"ms"``, ``"us"`` or ``"ns"``: that in which the counts ``low`` to ``high`` since 1970 all lie between
    1975 and 2200. None when there is no such unit."""
    for unit, per_count in UNITS.items():
        counts_per_second = NS_PER_SECOND // per_count
        if _EARLIEST_S * counts_per_second <= low and high <= _LATEST_S * counts_per_second:
            return unit
    return None
