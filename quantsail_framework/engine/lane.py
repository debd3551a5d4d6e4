"""One symbol's lane through a run: its columns, its state, and the next bar at which something can happen."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from math import inf
from typing import Any

import numpy as np

from quantsail_framework.domain.bars import BLOCK, Bars
from quantsail_framework.domain.instrument import Instrument
from quantsail_framework.domain.order import EntryOrder
from quantsail_framework.domain.trade import Position
from quantsail_framework.engine.feed import Row, SignalColumns

_SCAN_LIMIT = 4_096  # bars scanned ahead before the lane wakes up and looks again
_NOTHING: list[int] = []


class Lane:
    """Columns as memoryviews (their items are plain Python numbers) and the state of one symbol.

    ``i`` is the bar that the engine is at. At most one of ``position`` and ``order`` (an accepted
    entry) is set; ``leaving`` is the reason of a market exit that waits for the next open.
    """

    def __init__(
        self, index: int, bars: Bars, instrument: Instrument, first: int, columns: SignalColumns | None
    ) -> None:
        self.index = index
        self.symbol = bars.symbol
        self.bars = bars
        self.instrument = instrument
        self.first = first
        self.last = len(bars) - 1
        self.time = bars.time.data
        self.open, self.high = bars.open.data, bars.high.data
        self.low, self.close = bars.low.data, bars.close.data
        self._lowest, self._highest = bars.extremes
        self.tradable = None if bars.tradable is None else bars.tradable.data
        self.columns = columns
        self.prepared: Any = None  # what a bar strategy prepared
        self.alone = (self,)
        self.wake_i = -1  # the bar at which it wakes up
        self._bar_ns = bars.timeframe.ns
        self.i = -1
        self.position: Position | None = None
        self.order: EntryOrder | None = None
        self.leaving: str | None = None
        self.entry_i = -1
        self.touch_i = -1  # no level of the position is touched before this bar
        self.max_bars = 0
        self._trailed_to = -1
        self.patient = True  # whether only its levels, or the end of the data, can end the position
        self._signals, self._exits = self._events(columns)
        self.simple = columns is not None and self.tradable is None  # its signals are known, and every bar can trade
        self.may_exit = columns is None or columns.exits is not None  # whether the strategy ever asks to leave
        self._signal = 0  # index into _signals of that at ``signal_i``
        self.signal_i = self._signals[0]
        self._untradable_high = 0.0 if bars.tradable is None else float(bars.close[~bars.tradable].max(initial=0.0))

    def _events(self, columns: SignalColumns | None) -> tuple[list[int], list[int]]:
        """Where an entry may be decided, closed by an index past the end, and where an exit flag counts; ascending."""
        if columns is None:
            return [self.last + 1], _NOTHING
        rows, exits, tradable = columns.entry_rows, columns.exits, self.bars.tradable
        rows = rows[(self.first <= rows) & (rows < self.last)]
        if tradable is not None:
            rows = rows[tradable[rows]]
            exits = None if exits is None else exits & tradable
        signals = [*rows.tolist(), self.last + 1]
        return signals, _NOTHING if exits is None else np.flatnonzero(exits).tolist()

    def is_tradable(self, i: int) -> bool:
        """Whether bar ``i`` can decide, fill and be touched."""
        return self.tradable is None or bool(self.tradable[i])

    def same_clock(self, other: Lane) -> bool:
        """Whether the bars of both open at the same times."""
        return np.array_equal(self.bars.time, other.bars.time)

    def row_at(self, time_ns: int) -> int:
        """Index of the last bar that opens at or before ``time_ns``, which is not before bar ``i``."""
        time, i = self.time, self.i
        ahead = min(i + (time_ns - time[i]) // self._bar_ns, self.last) if i >= 0 else -1
        if ahead >= 0 and time[ahead] == time_ns:  # no gap in between, as nearly always
            return ahead
        return bisect_right(time, time_ns) - 1

    def last_close(self, time_ns: int) -> float:
        """The close of the last bar that opens at or before ``time_ns``."""
        i = self.i
        return self.close[i if self.time[i] == time_ns else self.row_at(time_ns)]

    def close_before(self, time_ns: int) -> float:
        """The close of the last bar that opens before ``time_ns``."""
        return self.close[bisect_left(self.time, time_ns) - 1]

    def next_tradable(self, i: int) -> int:
        """The first tradable bar after ``i``, or the last bar when there is none."""
        j = i + 1
        while j < self.last and not self.is_tradable(j):
            j += 1
        return min(j, self.last)

    def arrive(self, time_ns: int) -> bool:
        """Move to the next bar if it opens at ``time_ns``; whether it does."""
        if self.i < self.last and self.time[self.i + 1] == time_ns:
            self.i += 1
            return True
        return False

    # Where something can happen next.

    def plan(self, step: bool) -> int:
        """The next bar to look at, or -1 for none; ``step`` looks at every bar."""
        i = self.i
        if i >= self.last:
            return -1
        if step:
            return i + 1
        if self.order is not None or self.leaving is not None:
            return i + 1 if self.tradable is None else self.next_tradable(i)
        if self.position is not None:
            if self.touch_i <= i:
                self.trail_to(i)
                self.touch_i = self.next_touch(i + 1)
            return self.touch_i if self.patient else min(self.touch_i, self._deadline(i))
        if self.signal_i <= i:
            self.seek_signal(i + 1)
        signal_i = self.signal_i
        return signal_i if signal_i <= self.last else -1

    def seek_signal(self, start: int) -> None:
        """Move ``signal_i`` to the first signal from bar ``start`` on that may be decided, or past the last bar."""
        signals, k = self._signals, self._signal
        if signals[k] < start:
            k += 1
            if signals[k] < start:  # seldom; and where every bar signals, far ahead
                k = bisect_left(signals, start, k)
            self._signal = k
        self.signal_i = signals[k]

    def may_decide(self) -> bool:
        """Whether this bar can decide anything: warmed up, tradable, and not the last."""
        return self.first <= self.i < self.last and self.is_tradable(self.i)

    def time_is_up(self) -> bool:
        """Whether the position has been open for its ``max_bars`` closed bars."""
        return 0 < self.max_bars <= self.i - self.entry_i + 1

    def _deadline(self, i: int) -> int:
        """The next bar at which the position leaves, or may, for a reason other than its levels."""
        deadline = self.last
        k = bisect_right(self._exits, i)
        if k < len(self._exits):
            deadline = min(deadline, self._exits[k])
        if self.max_bars > 0:
            due = max(i + 1, self.entry_i + self.max_bars - 1)
            if due < deadline:
                deadline = due if self.is_tradable(due) else self.next_tradable(due)
        return deadline

    def next_touch(self, start: int) -> int:
        """The first bar from ``start`` on that may touch a level, at most the last; may be early, never late."""
        position = self.position
        assert position is not None  # noqa: S101  # for the type checker: callers have looked
        stop, target = position.stop, position.target
        limit = min(self.last, start + _SCAN_LIMIT)
        if target is None:
            target = inf * position.side
        if position.order.trail is not None:
            return self._scan(start, limit, stop, target)
        # A bar touches where its low is at or below the lower level, or its high at or above the upper one. One by one
        # to the edge of a block, then whole blocks, then one by one in that which touches.
        lower, upper = (stop, target) if position.side > 0 else (target, stop)
        low, high, lowest, highest = self.low, self.high, self._lowest, self._highest
        edge = min(limit, -(-start // BLOCK) * BLOCK)
        for j in range(start, edge):
            if low[j] <= lower or high[j] >= upper:
                return j
        for block in range(-(-edge // BLOCK), -(-limit // BLOCK)):
            if lowest[block] <= lower or highest[block] >= upper:
                for j in range(block * BLOCK, limit):
                    if low[j] <= lower or high[j] >= upper:
                        return j
        return limit

    def _scan(self, start: int, limit: int, stop: float, target: float) -> int:
        """``next_touch`` over arrays, in growing chunks."""
        bars, position, size = self.bars, self.position, 64
        assert position is not None  # noqa: S101  # for the type checker
        long, trail = position.side > 0, position.order.trail
        while start < limit:
            end = min(limit, start + size)
            stops: Any = stop
            if trail is not None:
                closes = bars.close[start:end] - trail if long else bars.close[start:end] + trail
                extreme = np.maximum if long else np.minimum
                moved = extreme.accumulate(np.append(stop, closes))
                stops, stop = moved[:-1], float(moved[-1])
            if long:
                hit = (bars.low[start:end] <= stops) | (bars.high[start:end] >= target)
            else:
                hit = (bars.high[start:end] >= stops) | (bars.low[start:end] <= target)
            k = int(hit.argmax())
            if hit[k]:
                return start + k
            start, size = end, size * 2
        return limit

    # What the strategy says about this bar; ``said`` holds a bar strategy's words by lane.

    def exit_flag(self, said: Mapping[int, Row | None] | None) -> bool:
        """Whether it asks to leave."""
        if self.columns is not None:
            return self.columns.exit_at(self.i)
        row = said.get(self.index) if said else None
        return row is not None and row.exit

    def row(self, said: Mapping[int, Row | None] | None) -> Row | None:
        """Everything it says."""
        if self.columns is not None:
            return self.columns.row(self.i)
        return said.get(self.index) if said else None

    # What time does to a position.

    def begin(self, position: Position) -> None:
        """The accepted entry has filled in this bar."""
        self.position, self.order = position, None
        self.entry_i = self.touch_i = i = self.i
        self.max_bars = max_bars = position.order.max_bars
        self.patient = not (max_bars or self.may_exit)
        self._trailed_to = i - 1

    def end(self) -> None:
        """The position has been closed."""
        self.position, self.leaving, self.max_bars = None, None, 0

    def trail(self, time_ns: int) -> None:
        """Move the trailing stop by every close up to the bar that opens at ``time_ns``."""
        if self.position is None or self.position.order.trail is None:
            return
        self.trail_to(self.i if self.time[self.i] == time_ns else self.row_at(time_ns))

    def trail_to(self, i: int) -> None:
        """Move the trailing stop by every close up to bar ``i``."""
        position = self.position
        if position is None or i <= self._trailed_to or (distance := position.order.trail) is None:
            return
        closes = self.bars.close[self._trailed_to + 1 : i + 1]
        self._trailed_to = i
        if position.side > 0:
            level = self.instrument.floor_price(float(closes.max()) - distance)
            better = level > position.stop
        else:
            level = self.instrument.ceil_price(float(closes.min()) + distance)
            better = level < position.stop
        if better:
            position.stop, position.trailed = level, True

    def worst_short_value(self) -> float:
        """What an open short could at most be worth at a close while its stop is in force; 0 without one."""
        position = self.position
        if position is None or position.side > 0:
            return 0.0
        return position.quantity * max(position.stop, self._untradable_high)
