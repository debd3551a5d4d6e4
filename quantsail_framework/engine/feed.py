"""Signal feeds: how a strategy's view of the market reaches the engine.

``once``: one call over all bars, revealed bar by bar (backtest, replay). ``rolling``: the last
warm-up + 1 bars at each close, as paper and live see them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from quantsail_framework.domain.bars import Bars
from quantsail_framework.domain.signals import Enter, Exit, Signals
from quantsail_framework.domain.trade import Position
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


class SignalColumns:
    """A Signals as contiguous columns whose items are plain Python numbers."""

    def __init__(self, signals: Signals, bars: Bars) -> None:
        size = len(bars)
        self._signals = signals
        self._reason = signals.reason
        self.entries = signals.column("entry", size, np.int8, 0)
        self.exits = None if signals.exit is None else signals.column("exit", size, np.bool_, 0)
        self._entry = self.entries.data
        self._exit = None if self.exits is None else self.exits.data
        self._stop = signals.column("stop", size, np.float64, math.nan).data
        self._target = self._levels("target", size)
        self._confidence = self._levels("confidence", size)
        self._trail = self._levels("trail", size)
        self._max_bars = self._levels("max_bars", size, np.int64)

    def _levels(self, name: str, size: int, dtype: Any = np.float64) -> Any:
        """The column as a memoryview, or its one number as a plain one."""
        value = getattr(self._signals, name)
        if value is None or np.ndim(value) == 0:
            return None if value is None else np.dtype(dtype).type(value).item()
        return self._signals.column(name, size, dtype, 0).data

    def row(self, i: int) -> Row:
        """Everything the strategy says at the close of bar ``i``."""
        target, confidence, trail, max_bars = self._target, self._confidence, self._trail, self._max_bars
        if type(target) is memoryview:
            target = target[i]
        if type(confidence) is memoryview:
            confidence = confidence[i]
        if type(trail) is memoryview:
            trail = trail[i]
        if type(max_bars) is memoryview:
            max_bars = max_bars[i]
        if target is not None and target != target:  # NaN
            target = None
        if trail is not None and trail != trail:
            trail = None
        flag = self._exit is not None and bool(self._exit[i])
        return Row(self._entry[i], self._stop[i], target, confidence, flag, trail, max_bars, partial(self._reason, i))

    def exit_at(self, i: int) -> bool:
        """Whether bar ``i`` carries an exit flag."""
        return self._exit is not None and bool(self._exit[i])


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
    if decision is not None and type(decision).__name__ not in ("Enter", "Exit", "Adjust"):
        raise ComponentError(
            f"{type(strategy).__name__}.on_bar({view.bars.symbol}) returned {type(decision).__name__}; "
            "it must return Enter, Exit, Adjust or None"
        )
    return decision


def row_of(decision: Enter | Exit) -> Row:
    """A bar strategy's Enter or Exit in the form of a signal row."""
    if isinstance(decision, Exit):
        return Row(0, math.nan, None, 1.0, True, None, 0, decision.reason)
    d = decision
    return Row(d.side, d.stop, _given(d.target), d.confidence, False, _given(d.trail), d.max_bars, d.reason)


def _given(value: float | None) -> float | None:
    """NaN means none, as in a column."""
    return None if value is None or value != value else value
