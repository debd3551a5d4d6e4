"""Asks a strategy of either form about bars, checks the form of its answers and lays them out as columns."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from quantsail_framework.causality import Columns
from quantsail_framework.causality.answers import LEVELS, ask, decision_values, signal_values
from quantsail_framework.domain.bars import Bars
from quantsail_framework.domain.signals import LONG, SHORT, Adjust, Enter, Exit, Signals
from quantsail_framework.testing.contract import expect

_WORDS = {"i": "signed integers", "iuf": "numbers", "iu": "whole numbers", "b": "booleans"}
_KINDS = dict.fromkeys(("stop", "target", "confidence", "trail"), "iuf") | {"entry": "i", "max_bars": "iu", "exit": "b"}
_FLAT = (Enter, type(None))
_HELD = (Enter, Exit, Adjust, type(None))


def is_by_bar(strategy: Any) -> bool:
    """Whether it is a bar strategy."""
    return hasattr(strategy, "on_bar")


def columns_of(strategy: Any, side: int, bars: Bars) -> Columns:
    """What a strategy says about each bar, as float columns.

    A bar strategy is asked twice at each tradable bar after its warm-up: without a position, and with one
    of ``side`` that was entered five bars before.
    """
    if is_by_bar(strategy):
        return decision_values(strategy, bars, strategy.prepare(bars), deciding(strategy, bars), side)
    return signal_values(strategy.signals(bars), len(bars))


def check_answers(strategy: Any, side: int, market: str, bars: Bars) -> None:
    """Raise ContractError for columns, or an answer of a bar strategy, that the port forbids."""
    if is_by_bar(strategy):
        for index, flat, held in _ask(strategy, side, bars):
            _check_answer(f"at bar {index} of the {market} market without a position", flat, _FLAT)
            check_held(f"at bar {index} of the {market} market with a position", held)
    else:
        _check_signals(f"on the {market} market", strategy.signals(bars), len(bars))


def reasons_of(strategy: Any, side: int, bars: Bars) -> Iterator[tuple[int, object]]:
    """(bar, reason) of every entry on ``bars``."""
    if is_by_bar(strategy):
        yield from ((index, flat.reason) for index, flat, _ in _ask(strategy, side, bars) if isinstance(flat, Enter))
    else:
        signals = strategy.signals(bars)
        yield from ((index, signals.reason(index)) for index in np.flatnonzero(signals.entry).tolist())


def _ask(strategy: Any, side: int, bars: Bars) -> Iterator[tuple[int, Any, Any]]:
    """(bar, answer without a position, answer with one) for each bar that may decide."""
    return ask(strategy, bars, strategy.prepare(bars), deciding(strategy, bars), side)


def deciding(strategy: Any, bars: Bars) -> list[int]:
    """The bars after the warm-up that may decide."""
    rows = range(strategy.warmup, len(bars))
    return [row for row in rows if bars.tradable is None or bars.tradable[row]]


def check_held(where: str, answer: Any) -> None:
    """Raise ContractError for an answer that a bar strategy may not give while a position is open."""
    _check_answer(where, answer, _HELD)


def _check_answer(where: str, answer: Any, allowed: tuple[type, ...]) -> None:
    names = ", ".join("None" if each is type(None) else each.__name__ for each in allowed)
    expect(isinstance(answer, allowed), f"on_bar returned {answer!r} {where}; it may return {names}")
    if isinstance(answer, Enter):
        columns = {name: getattr(answer, name) for name in LEVELS}
        one = {name: None if value is None else np.atleast_1d(value) for name, value in columns.items()}
        _check_signals(where, Signals(np.atleast_1d(answer.side), **one), 1)  # type: ignore[arg-type]
    if isinstance(answer, Adjust):
        finite = all(level is None or math.isfinite(level) for level in (answer.stop, answer.target))
        expect(finite, f"on_bar adjusts to a level that is no number {where}: {answer}")


def _check_signals(where: str, signals: Any, size: int) -> None:
    expect(isinstance(signals, Signals), f"signals returned {type(signals).__name__} {where}, not Signals")
    for name, kinds in _KINDS.items():
        value = getattr(signals, name)
        if value is None and name not in ("entry", "stop"):
            continue
        array = np.asarray(value)
        may_be_one = name in ("confidence", "trail", "max_bars") and array.ndim == 0
        expect(may_be_one or array.shape == (size,), f"{name} has shape {array.shape} {where}; the bars have ({size},)")
        expect(array.dtype.kind in kinds, f"{name} holds {array.dtype} {where}; it must hold {_WORDS[kinds]}")
    _check_values(where, signals, size)


def _check_values(where: str, signals: Signals, size: int) -> None:
    entry = np.asarray(signals.entry)
    unknown = ~np.isin(entry, (LONG, SHORT, 0))
    expect(not unknown.any(), f"entry is {_first(entry, unknown)} {where}; it may be 1, -1 or 0")
    entered = entry != 0
    confidence = signals.column("confidence", size, np.float64, 1.0)
    outside = entered & ~((confidence >= 0.0) & (confidence <= 1.0))
    expect(not outside.any(), f"confidence is {_first(confidence, outside)} {where}; it must lie in 0 to 1")
    trail = signals.column("trail", size, np.float64, math.nan)
    wrong = entered & (np.isinf(trail) | (trail <= 0.0))
    expect(not wrong.any(), f"trail is {_first(trail, wrong)} {where}; it must be above zero, or NaN for none")
    max_bars = signals.column("max_bars", size, np.int64, 0)
    expect((max_bars >= 0).all(), f"max_bars is {_first(max_bars, max_bars < 0)} {where}; it must not be negative")


def _first(values: Any, wrong: Any) -> Any:
    return values[int(np.argmax(wrong))]
