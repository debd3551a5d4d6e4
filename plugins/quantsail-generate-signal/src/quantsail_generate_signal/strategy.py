"""Classes with ``generate_signal(candles)``, one frame of candles and one dict per bar: ``generate-signal``."""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping
from numbers import Real
from typing import Any

import attrs
import numpy as np
import pandas as pd

from quantsail_framework import LONG, Bars, BarView, ClassReference, Enter, Exit, Position, options
from quantsail_framework.domain.bars import utc_text
from quantsail_framework.errors import ComponentError

COLUMNS = pd.Index(["open", "high", "low", "close", "volume"])  # made once: that takes longer than the frame itself
WORDS = ("ENTER_LONG", "EXIT", "NO_TRADE")


def _loaded(adapter: GenerateSignalStrategy) -> type[Any]:
    """The named class. Raises PluginError when it is not there, ValueError when it has no ``generate_signal``."""
    found = adapter.class_name.load()
    if not callable(getattr(found, "generate_signal", None)):
        raise ValueError(
            "'class_name' must be a class with a method generate_signal(self, candles), "
            f"but {adapter.class_name} has none; add it, or name another class"
        )
    return found


def _names(adapter: GenerateSignalStrategy) -> tuple[str, ...]:
    return tuple(inspect.signature(adapter._class).parameters)


@attrs.frozen
class GenerateSignalStrategy:
    """Asks an object of another class at each close: ``generate_signal(candles: DataFrame) -> dict``.

    ``candles`` are the last ``history`` bars, the one that has just closed at the end: columns open, high, low,
    close and volume, indexed by ``timestamp``, the open time in UTC without a zone. The frame is a copy. The dict
    has ``signal``, one of ``ENTER_LONG``, ``EXIT`` and ``NO_TRADE``; for an entry ``stop`` and optionally
    ``target``, ``confidence`` and ``rationale``. ``entry`` is not used: an entry fills at the next open.

    The object is made anew for each bar, so that nothing which it remembers can tell a backtest from a live
    run. Its class takes ``parameters``, and the market's ``symbol`` where it has a parameter of that name.
    """

    class_name: ClassReference = attrs.field(
        metadata={"doc": "The class: my.py:MyStrategy in the pipeline's folder, or package.module:MyStrategy."}
    )
    parameters: Mapping[str, Any] = attrs.field(
        factory=dict, hash=False, metadata={"doc": "What the class is made with, by name; not its symbol."}
    )
    history: int = options.period(500, "Bars in the frame at each close, the one that has just closed included.")
    _class: type[Any] = attrs.field(default=attrs.Factory(_loaded, takes_self=True), init=False, eq=False, repr=False)

    _takes: tuple[str, ...] = attrs.field(
        default=attrs.Factory(_names, takes_self=True), init=False, eq=False, repr=False
    )

    def __attrs_post_init__(self) -> None:
        if "symbol" in self.parameters:
            raise ValueError("'parameters' must be without a symbol, since the symbols of the pipeline are used")
        try:
            inspect.signature(self._class).bind(**self._arguments("BASE/QUOTE"))
        except TypeError as error:
            takes = ", ".join(name for name in self._takes if name != "symbol") or "none"
            reason = str(error).replace(": ", " ")
            raise ValueError(f"'parameters' must be those of {self.class_name} ({takes}), but {reason}") from error

    def __reduce__(self) -> tuple[Any, ...]:
        # The class of a file beside the pipeline has no module that another process could import: it loads it anew.
        return type(self), (self.class_name, self.parameters, self.history)

    @property
    def warmup(self) -> int:
        """Bars before the first whose frame is full."""
        return self.history - 1

    def prepare(self, bars: Bars) -> Mapping[str, Any]:
        """Nothing: each bar is asked for by itself."""
        return {}

    def on_bar(self, view: BarView, position: Position | None) -> Enter | Exit | None:
        """What the object says. Raises ComponentError, naming class, symbol and bar, for what is no answer."""
        place = f"{self.class_name} at {view.symbol} {utc_text(view.time_ns)}"
        try:
            made = self._class(**self._arguments(view.symbol))
            answer = made.generate_signal(frame_of(view, self.history))
        except Exception as error:
            error.add_note(f"raised by {place}")
            raise
        decision = decision_of(answer, place)
        return None if isinstance(decision, Exit) and position is None else decision

    def _arguments(self, symbol: str) -> dict[str, Any]:
        return {**self.parameters, "symbol": symbol} if "symbol" in self._takes else dict(self.parameters)


def frame_of(view: BarView, size: int) -> pd.DataFrame:
    """The last ``size`` bars as a frame of its own, with the times and columns that such strategies are written for."""
    start = max(0, view.index + 1 - size)
    times = view.bars.time[start:].astype("datetime64[ns]")
    values = np.array([getattr(view, name)[start:] for name in COLUMNS]).T
    return pd.DataFrame(values, pd.DatetimeIndex(times, name="timestamp"), COLUMNS, copy=False)


def decision_of(answer: Any, place: str) -> Enter | Exit | None:
    """The dict as a decision; keys beside those that count are left alone. Raises ComponentError."""
    if not isinstance(answer, Mapping):
        raise ComponentError(f"{place}: generate_signal returned {answer!r}; it must return a dict with 'signal'")
    word = answer.get("signal")
    if not isinstance(word, str) or word not in WORDS:
        raise ComponentError(f"{place}: 'signal' is {word!r}; it must be {', '.join(WORDS[:-1])} or {WORDS[-1]}")
    if word == "ENTER_LONG":
        return _entry(answer, place)
    return Exit() if word == "EXIT" else None


def _entry(answer: Mapping[str, Any], place: str) -> Enter:
    confidence = _number(answer, "confidence", place, 1.0)
    if not 0.0 <= confidence <= 1.0:
        raise ComponentError(f"{place}: 'confidence' is {confidence!r}; it must lie between 0 and 1")
    return Enter(
        LONG,
        stop=_number(answer, "stop", place),
        target=None if answer.get("target") is None else _number(answer, "target", place),
        confidence=confidence,
        reason=str(answer.get("rationale", "")),
    )


def _number(answer: Mapping[str, Any], key: str, place: str, default: float | None = None) -> float:
    value = answer.get(key, default)
    if isinstance(value, bool) or not isinstance(value, Real) or not math.isfinite(value):
        said = f"is {value!r}" if key in answer else "is missing"
        raise ComponentError(f"{place}: {key!r} {said}; an entry needs a finite number there")
    return float(value)
