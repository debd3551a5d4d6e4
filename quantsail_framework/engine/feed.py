"""Signal feeds: how a strategy's view of the market reaches the engine.

``once``: one call over all bars, revealed bar by bar (backtest, replay). ``rolling``: the last
warm-up + 1 bars at each close, as paper and live see them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from quantsail_framework.domain.bars import Bars, Ints, utc_text
from quantsail_framework.domain.signals import Adjust, Enter, Exit, Signals
from quantsail_framework.domain.trade import Position
from quantsail_framework.engine.values import new
from quantsail_framework.errors import ComponentError
from quantsail_framework.ports.strategy import BarStrategy, BarView, Strategy


class Row(NamedTuple):
    """What a strategy says at one close; ``entry`` is 0 for nothing."""

    entry: int
    stop: float
    target: float | None
    confidence: float
    exit: bool
    trail: float | None
    max_bars: int
    reason: str | Callable[[], str]


class _Why(NamedTuple):
    """Words the entry at one index when it is called: a partial, but one object instead of three."""

    reason: Callable[[int], str]
    row: int

    def __call__(self) -> str:
        return self.reason(self.row)


class SignalColumns:
    """A Signals as contiguous columns, of which ``row`` makes plain Python numbers.

    ``entry_rows``: the bars with an entry, ascending. ``targets``, ``confidences``, ``trails`` and ``max_bars`` are
    None where one number, ``one_...``, is for all bars.
    """

    def __init__(self, signals: Signals, bars: Bars) -> None:
        size = len(bars)
        self.entry_rows = _entry_rows(signals, bars)
        self._signals = signals
        self._reason = signals.reason
        # The engine's own: what it makes room for by entry_rows must not change with an array of the strategy.
        self.entries = np.zeros(size, np.int8)
        self.entries[self.entry_rows] = signals.column("entry", size, np.int8, 0)[self.entry_rows]
        self.exits = None if signals.exit is None else signals.column("exit", size, np.bool_, 0)
        self.stops = signals.column("stop", size, np.float64, math.nan)
        self.targets, self.one_target = self._levels("target", size)
        self.confidences, self.one_confidence = self._levels("confidence", size)
        self.trails, self.one_trail = self._levels("trail", size)
        self.max_bars, self.one_max_bars = self._levels("max_bars", size, np.int64)
        self._entry, self._stop = self.entries.data, self.stops.data
        self._exit, self._target, self._confidence, self._trail, self._max_bars = (
            None if column is None else column.data
            for column in (self.exits, self.targets, self.confidences, self.trails, self.max_bars)
        )
        self._bare = self.exits is None and signals.trail is None and self.max_bars is None and not self.one_max_bars

    def _levels(self, name: str, size: int, dtype: Any = np.float64) -> tuple[npt.NDArray[Any] | None, Any]:
        """The column, or the one plain number for all bars."""
        value = getattr(self._signals, name)
        if value is None or np.ndim(value) == 0:
            return None, None if value is None else np.dtype(dtype).type(value).item()
        return self._signals.column(name, size, dtype, 0), None

    def why(self, i: int) -> _Why:
        """What words the entry at bar ``i``."""
        return new(_Why, (self._reason, i))

    def row(self, i: int) -> Row:
        """Everything the strategy says at the close of bar ``i``."""
        target = self.one_target if self._target is None else self._target[i]
        if target != target:  # NaN
            target = None
        confidence = self.one_confidence if self._confidence is None else self._confidence[i]
        why = new(_Why, (self._reason, i))
        if self._bare:
            return new(Row, (self._entry[i], self._stop[i], target, confidence, False, None, 0, why))
        trail = self.one_trail if self._trail is None else self._trail[i]
        max_bars = self.one_max_bars if self._max_bars is None else self._max_bars[i]
        if trail != trail:
            trail = None
        flag = self._exit is not None and self._exit[i]
        return new(Row, (self._entry[i], self._stop[i], target, confidence, flag, trail, max_bars, why))

    def exit_at(self, i: int) -> bool:
        """Whether bar ``i`` carries an exit flag."""
        return self._exit is not None and bool(self._exit[i])


def _entry_rows(signals: Signals, bars: Bars) -> Ints:
    """The bars with an entry.

    Raises ComponentError, naming the bar, for an entry that is no side and for a trail or a time that is none.
    """
    if not callable(signals.reason):
        raise ComponentError(
            f"signals.reason is {signals.reason!r}; it must be a function that words the entry at one index"
        )
    if signals.entry is None:
        raise ComponentError("signals.entry is None; it must be LONG (1), SHORT (-1) or 0 for each bar")
    entry = signals.column("entry", len(bars), np.asarray(signals.entry).dtype, 0)
    rows = np.flatnonzero(entry != 0)
    said = entry[rows]
    _refuse((said != 1) & (said != -1), rows, entry, "entry", "it must be LONG (1), SHORT (-1) or 0", bars)
    for name, least, words in (
        ("trail", 0.0, "it must be above zero, or NaN"),
        ("max_bars", -1, "it must not be negative"),
    ):
        value = getattr(signals, name)
        if value is None or (np.ndim(value) == 0 and not value <= least):
            continue
        column = np.broadcast_to(np.asarray(value), entry.shape) if np.ndim(value) == 0 else np.asarray(value)
        if column.shape == entry.shape:  # another length is named where the column is read
            _refuse(column[rows] <= least, rows, column, name, words, bars)
    return rows


def _refuse(bad: Any, rows: Ints, column: Any, name: str, words: str, bars: Bars) -> None:
    if bad.any():
        i = int(rows[np.argmax(bad)])
        raise ComponentError(f"signals.{name} is {column[i].item()!r} at {utc_text(int(bars.time[i]))}; {words}")


def is_bar_strategy(strategy: Strategy | BarStrategy) -> bool:
    """Whether it decides bar by bar."""
    return hasattr(strategy, "on_bar")


def signal_columns(strategy: Any, bars: Bars) -> SignalColumns:
    """What ``strategy`` says of ``bars``. Raises ComponentError, naming it, for what its port forbids."""
    signals, asked = strategy.signals(bars), f"{type(strategy).__name__}.signals({bars.symbol})"
    if not isinstance(signals, Signals):
        raise ComponentError(f"{asked} returned {type(signals).__name__}; it must return Signals")
    try:
        return SignalColumns(signals, bars)
    except ComponentError as error:
        raise ComponentError(f"{asked}: {error}") from None


def ask_bar_strategy(strategy: Any, view: BarView, position: Position | None) -> Any:
    """The bar strategy's decision at one close, checked to be one of its port's."""
    decision = strategy.on_bar(view, position)
    asked = f"{type(strategy).__name__}.on_bar({view.symbol})"
    if decision is not None and not isinstance(decision, Enter | Exit | Adjust):
        raise ComponentError(f"{asked} returned {type(decision).__name__}; it must return Enter, Exit, Adjust or None")
    if isinstance(decision, Enter):
        d = decision
        fits = d.side in (1, -1) and (d.trail is None or d.trail > 0.0) and d.max_bars >= 0
        if not fits or not isinstance(d.reason, str):
            raise ComponentError(
                f"{asked} returned {d!r} at {utc_text(view.time_ns)}; side must be LONG or SHORT, "
                "trail above zero or None, max_bars not negative, reason a text"
            )
    return decision


def row_of(decision: Enter | Exit) -> Row:
    """A bar strategy's Enter or Exit in the form of a signal row."""
    if isinstance(decision, Exit):
        return Row(0, math.nan, None, 1.0, True, None, 0, "")
    d = decision
    return Row(d.side, d.stop, _given(d.target), d.confidence, False, _given(d.trail), d.max_bars, d.reason)


def _given(value: float | None) -> float | None:
    """NaN means none, as in a column."""
    return None if value is None or value != value else value
