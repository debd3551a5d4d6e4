"""What a strategy says about each bar, as columns; and what a bar strategy says about one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from quantsail_framework.domain.bars import Bools, Floats, Ints
from quantsail_framework.errors import ComponentError

LONG = 1
SHORT = -1


def side_name(side: int) -> str:
    """``"long"`` for LONG, ``"short"`` for SHORT."""
    return "long" if side > 0 else "short"


def price_text(price: float) -> str:
    """A price with as many digits as it has, never in exponent form: for reasons."""
    text = repr(float(price))
    return np.format_float_positional(price, trim="-") if "e" in text else text.removesuffix(".0")


def _no_reason(_index: int) -> str:
    return ""


@attrs.frozen(eq=False)
class Signals:
    """Entries and exits per bar: every column has one value per bar, or is one number for all.

    ``entry``: LONG, SHORT or 0 (none). ``stop``: the price that ends the trade as a loss; required
    where ``entry`` is set. ``target``: the price that ends it as a win; None or NaN for none.
    ``confidence``: 0 to 1. ``exit``: close the open position at the next open. ``trail``: trailing
    distance in price; None or NaN for none. ``max_bars``: exit after that many closed bars, the
    entry bar being the first; 0 for never. ``reason``: words the entry at one index, called only
    for what is kept. All are known at the close of their bar and use nothing after it.
    """

    entry: npt.NDArray[np.int8]
    stop: Floats
    target: Floats | None = None
    confidence: Floats | float = 1.0
    exit: Bools | None = None
    trail: Floats | float | None = None
    max_bars: Ints | int = 0
    reason: Callable[[int], str] = _no_reason

    def column(self, name: str, size: int, dtype: Any, missing: float) -> npt.NDArray[Any]:
        """Column ``name`` as ``size`` contiguous values. Raises ComponentError for another length."""
        value = getattr(self, name)
        if value is None:
            value = missing
        array = np.asarray(value)
        if array.ndim == 0:
            return np.full(size, array, dtype)
        if array.shape != (size,):
            raise ComponentError(f"signals.{name} has shape {array.shape}; the bars have ({size},)")
        return np.ascontiguousarray(array, dtype)


@attrs.frozen
class Enter:
    """A bar strategy wants a position; the fields mean what the columns of Signals mean."""

    side: int
    stop: float
    target: float | None = None
    confidence: float = 1.0
    trail: float | None = None
    max_bars: int = 0
    reason: str = ""


@attrs.frozen
class Exit:
    """A bar strategy wants its position closed at the next open."""


@attrs.frozen
class Adjust:
    """A bar strategy moves its levels from the next bar on; None keeps one. A stop may only tighten."""

    stop: float | None = None
    target: float | None = None
