"""Signal feeds: how a strategy's view of the market reaches the engine.

``once``: one call over all bars, revealed bar by bar (backtest, replay). ``rolling``: the last
warm-up + 1 bars at each close, as paper and live see them.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from quantsail_framework.domain.bars import Bars, Ints, utc_text
from quantsail_framework.domain.signals import LONG, SHORT, Adjust, Enter, Exit, Signals
from quantsail_framework.domain.trade import Position
from quantsail_framework.engine.values import new
from quantsail_framework.errors import ComponentError
from quantsail_framework.ports.strategy import BarStrategy, BarView, Strategy

_MOST_BARS = 2**53  # whole numbers below are exact as floats


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
    """A Signals in the engine's own memory: where its entries are, and what it says there.

    ``entry_rows``: the bars with an entry, ascending; ``entries``, ``stops``, ``targets``, ``confidences``, ``trails``
    and ``max_bars`` have one value for each of them. The last four are None where one number, ``one_...``, is for all.
    ``exits`` has a flag for each bar.
    """

    def __init__(self, signals: Signals, bars: Bars) -> None:
        size = len(bars)
        if not callable(signals.reason):
            raise ComponentError(
                f"signals.reason is {signals.reason!r}; it must be a function that words the entry at one index"
            )
        self._reason = signals.reason
        self.entry_rows, self.entries = _entries(signals, bars)
        self.exits = None if signals.exit is None else signals.column("exit", size, np.bool_, 0).copy()
        stops, one_stop = self._said(signals, "stop", size)
        none = math.nan if one_stop is None else one_stop
        self.stops = np.full(len(self.entry_rows), none) if stops is None else stops
        self.targets, self.one_target = self._said(signals, "target", size)
        self.confidences, self.one_confidence = self._said(signals, "confidence", size)
        self.trails, self.one_trail = self._trails(signals, bars)
        self.max_bars, self.one_max_bars = self._times(signals, bars)
        self._rows, self._entry, self._stop = self.entry_rows.data, self.entries.data, self.stops.data
        self._exit, self._target, self._confidence, self._trail, self._max_bars = (
            None if column is None else column.data
            for column in (self.exits, self.targets, self.confidences, self.trails, self.max_bars)
        )
        self._bare = (
            self.exits is None
            and self.trails is None
            and self.one_trail is None
            and self.max_bars is None
            and not self.one_max_bars
        )

    def _said(self, signals: Signals, name: str, size: int) -> tuple[npt.NDArray[np.float64] | None, float | None]:
        """What is said at each entry, or the one plain number for all."""
        said = signals.at_rows(self.entry_rows, name, size)
        if isinstance(said, np.ndarray) and said.ndim:
            return np.ascontiguousarray(said, np.float64), None
        return None, None if said is None else float(said)

    def _trails(self, signals: Signals, bars: Bars) -> tuple[npt.NDArray[np.float64] | None, float | None]:
        trails, one = self._said(signals, "trail", len(bars))
        if trails is not None or one is not None:
            values = np.full(len(self.entry_rows), one) if trails is None else trails
            _refuse(values <= 0.0, self.entry_rows, values, "trail", "it must be above zero, or NaN", bars)
        return trails, one

    def _times(self, signals: Signals, bars: Bars) -> tuple[Ints | None, int]:
        said = signals.at_rows(self.entry_rows, "max_bars", len(bars))
        if said is None or (np.ndim(said) == 0 and said == 0):
            return None, 0
        values = np.broadcast_to(said, self.entry_rows.shape)
        told = "it must be a number of bars, or 0 for never"
        _refuse(~((values > -1) & (values < _MOST_BARS)), self.entry_rows, values, "max_bars", told, bars)
        whole = np.ascontiguousarray(values, np.int64)
        return (whole, 0) if np.ndim(said) or not len(whole) else (None, int(whole[0]))

    def why(self, i: int) -> _Why:
        """What words the entry at bar ``i``."""
        return new(_Why, (self._reason, i))

    def row(self, i: int) -> Row:
        """Everything the strategy says at the close of bar ``i``."""
        k = bisect_left(self._rows, i)
        if k == len(self._rows) or self._rows[k] != i:
            return new(Row, (0, math.nan, None, 1.0, self.exit_at(i), None, 0, ""))
        target = self.one_target if self._target is None else self._target[k]
        if target != target:  # NaN
            target = None
        confidence = self.one_confidence if self._confidence is None else self._confidence[k]
        why = new(_Why, (self._reason, i))
        if self._bare:
            return new(Row, (self._entry[k], self._stop[k], target, confidence, False, None, 0, why))
        trail = self.one_trail if self._trail is None else self._trail[k]
        max_bars = self.one_max_bars if self._max_bars is None else self._max_bars[k]
        if trail != trail:
            trail = None
        return new(Row, (self._entry[k], self._stop[k], target, confidence, self.exit_at(i), trail, max_bars, why))

    def exit_at(self, i: int) -> bool:
        """Whether bar ``i`` carries an exit flag."""
        return self._exit is not None and bool(self._exit[i])


def _entries(signals: Signals, bars: Bars) -> tuple[Ints, npt.NDArray[np.int8]]:
    """The bars with an entry, and its side. Raises ComponentError, naming the bar, for one that is no side."""
    rows, sides = signals.entered(len(bars))
    _refuse((sides != LONG) & (sides != SHORT), rows, sides, "entry", "it must be LONG (1), SHORT (-1) or 0", bars)
    return rows, sides.astype(np.int8)


def _refuse(bad: Any, rows: Ints, values: Any, name: str, words: str, bars: Bars) -> None:
    if bad.any():
        k = int(np.argmax(bad))
        raise ComponentError(
            f"signals.{name} is {values[k].item()!r} at {utc_text(int(bars.time[int(rows[k])]))}; {words}"
        )


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
