"""Where the windows lie in time, and the candles of a stretch of it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import attrs

from quantsail_framework.domain.bars import utc_text
from quantsail_framework.domain.timeframe import NS_PER_DAY
from quantsail_framework.engine import MarketData
from quantsail_framework.errors import DataError

_SHORTEST = 0.5  # of test_days: a shorter last test window is dropped


@attrs.frozen
class Window:
    """Training and test range, [start, end) in nanoseconds UTC; ``number`` counts from 1."""

    number: int
    train_start_ns: int
    train_end_ns: int
    test_start_ns: int
    test_end_ns: int


@attrs.frozen
class Lengths:
    """The lengths of a walk in days, as the runner's options name them."""

    train_days: float
    test_days: float
    step_days: float
    anchored: bool = False
    purge_days: float = 0.0
    embargo_days: float = 0.0

    def windows(self, start_ns: int, end_ns: int) -> tuple[list[Window], list[str]]:
        """The windows of [start, end), and what the user should know of their edges.

        Window k tests ``test_days`` from start + k * step + train + embargo on, and trains on what lies before it: the
        range begins at start + k * step (``anchored``: at start) and ends purge + embargo before the test does begin.
        A last test window that the end cuts off is kept from half its length on. Raises DataError when there is none.
        """
        placed = list(self._placed(start_ns, end_ns))
        least = _ns(_SHORTEST * self.test_days)
        kept = [window for window in placed if window.test_end_ns - window.test_start_ns >= least]
        if not kept:
            raise DataError(self._too_little(start_ns, end_ns))
        notes = [self._dropped(window) for window in placed[len(kept) :]]
        if self.step_days > self.test_days:
            hole = f"{self.step_days - self.test_days:g} days between two test windows"
            notes.append(f"step_days is above test_days: {hole} are not tested")
        return kept, notes

    def _placed(self, start_ns: int, end_ns: int) -> Iterator[Window]:
        number = 0
        while (begin := start_ns + _ns(number * self.step_days)) + self._lead_ns < end_ns:
            test_ns = begin + self._lead_ns
            train_end = begin + _ns(self.train_days - self.purge_days)
            number += 1
            yield Window(
                number,
                start_ns if self.anchored else begin,
                train_end,
                test_ns,
                min(test_ns + _ns(self.test_days), end_ns),
            )

    @property
    def _lead_ns(self) -> int:
        """From the begin of a window to its test."""
        return _ns(self.train_days + self.embargo_days)

    def _dropped(self, window: Window) -> str:
        has = (window.test_end_ns - window.test_start_ns) / NS_PER_DAY
        return (
            f"window {window.number} is dropped: of its {self.test_days:g} test days from "
            f"{utc_text(window.test_start_ns)} on the candles have {has:.4g}, less than half"
        )

    def _too_little(self, start_ns: int, end_ns: int) -> str:
        parts = [f"train_days {self.train_days:g}", f"half of test_days {self.test_days:g}"]
        if self.embargo_days:
            parts.insert(1, f"embargo_days {self.embargo_days:g}")
        needs = self.train_days + self.embargo_days + _SHORTEST * self.test_days
        return (
            f"walk-forward: the first window needs {needs:g} days ({' + '.join(parts)}), "
            f"has {(end_ns - start_ns) / NS_PER_DAY:.4g}; get more candles, or shorten train_days and test_days"
        )


def _ns(days: float) -> int:
    return round(days * NS_PER_DAY)


def range_of(data: MarketData) -> tuple[int, int]:
    """From the start of the result to the close of the last bar of any symbol."""
    return data.start_ns, max(int(bars.time[-1]) for bars in data.bars.values()) + data.timeframe.ns


@lru_cache(maxsize=1)  # the trials of one window follow each other, and share the indicators of its bars
def cut(data: MarketData, start_ns: int, end_ns: int) -> MarketData | None:
    """The bars that close in (start, end], behind ``data.warmup`` bars that cannot trade; None without any.

    Where bars open at the edges, as they do unless their length does not divide a day, these are the bars that open
    in [start, end). A symbol that has none is left out.
    """
    length, series, opens = data.timeframe.ns, {}, []
    for symbol, bars in data.bars.items():
        first, stop = (int(bars.time.searchsorted(edge - length, side="right")) for edge in (start_ns, end_ns))
        if first < stop:
            series[symbol] = bars.slice(max(0, first - data.warmup), stop)
            opens.append(int(bars.time[first]))
    if not series:
        return None
    return attrs.evolve(data, bars=series, start_ns=min(opens), notes=())
