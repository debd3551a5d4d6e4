"""What a strategy says about each bar, as columns; and what a bar strategy says about one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from quantsail_framework.domain.bars import Bars, Bools, Floats, Ints
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


# What each column holds, and what it says of a bar that nothing is said of.
COLUMNS: dict[str, tuple[Any, float]] = {
    "entry": (np.int8, 0),
    "stop": (np.float64, np.nan),
    "target": (np.float64, np.nan),
    "confidence": (np.float64, 1.0),
    "trail": (np.float64, np.nan),
    "max_bars": (np.int64, 0),
    "exit": (np.bool_, 0),
}


_NUMBERS = "biuf"  # kinds of dtype


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
        if np.ndim(value) == 0:
            return np.full(size, _numeric(name, value), dtype)
        return np.ascontiguousarray(_for_all(name, value, size), dtype)

    def entered(self, size: int) -> tuple[Ints, npt.NDArray[Any]]:
        """The bars with an entry, ascending, and its side. Raises ComponentError for a column of another length."""
        if self.entry is None:
            raise ComponentError("signals.entry is None; it must be LONG (1), SHORT (-1) or 0 for each bar")
        entry = self.column("entry", size, np.asarray(self.entry).dtype, 0)
        rows = np.flatnonzero(entry != 0)
        return rows, entry[rows]

    def at_rows(self, rows: Ints, name: str, size: int) -> Any:
        """Column ``name`` at the ``rows`` of ``entered``; or the one number for all, or None. Raises as ``column``."""
        value = getattr(self, name)
        if value is None or np.ndim(value) == 0:
            return value if value is None else _numeric(name, value)[()]
        return _for_all(name, value, size)[rows]

    @classmethod
    def at(
        cls,
        rows: npt.ArrayLike,
        size: int,
        *,
        entry: npt.ArrayLike,
        stop: npt.ArrayLike,
        target: npt.ArrayLike | None = None,
        confidence: npt.ArrayLike = 1.0,
        exit: Bools | None = None,  # noqa: A002  # as the field
        trail: npt.ArrayLike | None = None,
        max_bars: npt.ArrayLike = 0,
        reason: Callable[[int], str] = _no_reason,
    ) -> Signals:
        """Signals with entries at ``rows`` alone, which are indices of bars in any order, of ``size`` bars.

        ``entry``, ``stop`` and the others have one value for each of ``rows``, or are one number for all; only
        ``exit`` has one per bar. The same as columns over all bars, in less time where entries are few. Raises
        ComponentError for rows that are no bars or come twice, and for columns of another length.
        """
        columns = {"entry": entry, "stop": stop, "target": target, "confidence": confidence, "trail": trail}
        return _SignalsAt.of(rows, size, {**columns, "max_bars": max_bars}, {"exit": exit, "reason": reason})

    @classmethod
    def at_distance(
        cls,
        bars: Bars,
        found: Mapping[int, Ints],
        unit: Floats,
        *,
        stop: float,
        target: float,
        confidence: float = 1.0,
        reason: Callable[[int], str] = _no_reason,
    ) -> Signals:
        """``at`` the rows ``found`` for each side, with levels so many times ``unit`` away from the close.

        ``unit`` is a distance in price for each bar, such as its ATR; the stop lies against the side, the target with
        it. Raises as ``at``.
        """
        rows, side = by_side(found)
        close, distance = bars.close[rows], side * unit[rows]
        return cls.at(
            rows,
            len(bars),
            entry=side,
            stop=close - stop * distance,
            target=close + target * distance,
            confidence=confidence,
            reason=reason,
        )


def by_side(found: Mapping[int, Ints]) -> tuple[Ints, Ints]:
    """The rows found for LONG, SHORT or both, one after the other, and the side of each: for ``Signals.at``."""
    return np.concatenate([*found.values()]), np.repeat([*found], [*map(len, found.values())])


class _SignalsAt(Signals):
    """What ``Signals.at`` gives: a column over all bars is made when somebody reads it, which the engine does not."""

    __slots__ = ("_rows", "_said", "_size")
    _rows: Ints
    _said: dict[str, npt.NDArray[Any]]
    _size: int

    def __new__(cls, *values: Any, **named: Any) -> Any:
        """Plain signals: attrs.evolve makes them of all columns."""
        return Signals(*values, **named)

    @classmethod
    def of(cls, rows: npt.ArrayLike, size: int, columns: dict[str, Any], others: dict[str, Any]) -> Signals:
        """See ``Signals.at``."""
        at = _checked_rows(rows, size)
        said = {
            name: _for_each(name, value, len(at))
            for name, value in columns.items()
            if name in ("entry", "stop") or (value is not None and np.ndim(value))
        }
        entered: Any = said["entry"] != 0
        if not entered.all() or not _is_ascending(at):
            order = np.argsort(at, kind="stable")
            order = order[entered[order]]
            at, said = at[order], {name: values[order] for name, values in said.items()}
            if not _is_ascending(at):
                raise ComponentError(
                    f"Signals.at has two entries at bar {at[:-1][at[1:] == at[:-1]][0]}; a bar has one"
                )
        made: _SignalsAt = object.__new__(cls)
        given = {name: value for name, value in columns.items() if name not in said}
        for name, value in {**given, **others, "_rows": at, "_said": said, "_size": size}.items():
            object.__setattr__(made, name, value)
        return made

    def __getattr__(self, name: str) -> Any:
        """A column over all bars, of which only rows were given."""
        if name not in COLUMNS:
            raise AttributeError(f"Signals has no attribute {name!r}")
        said, (dtype, unsaid) = self._said[name], COLUMNS[name]
        column = np.full(self._size, unsaid, dtype)
        column[self._rows] = said
        object.__setattr__(self, name, column)
        return column

    def __reduce__(self) -> tuple[Any, ...]:
        return Signals, tuple(getattr(self, field.name) for field in attrs.fields(Signals))

    def entered(self, size: int) -> tuple[Ints, npt.NDArray[Any]]:
        if size != self._size:
            raise ComponentError(f"Signals.at was told of {self._size} bars; there are {size}: pass len(bars)")
        return self._rows, self._said["entry"]

    def at_rows(self, rows: Ints, name: str, size: int) -> Any:
        said = self._said.get(name)
        return super().at_rows(rows, name, size) if said is None else said


def _for_all(name: str, value: Any, size: int) -> npt.NDArray[Any]:
    """A column with one value per bar. Raises ComponentError for another length."""
    array = _numeric(name, value)
    if array.shape != (size,):
        raise ComponentError(f"signals.{name} has shape {array.shape}; the bars have ({size},)")
    return array


def _numeric(name: str, value: Any) -> npt.NDArray[Any]:
    """As an array. Raises ComponentError for what holds no numbers."""
    array = np.asarray(value)
    if array.dtype.kind in _NUMBERS:
        return array
    try:
        if array.dtype.kind == "O":  # None among numbers, or numbers of another library
            return array.astype(np.float64)
    except (TypeError, ValueError):
        pass
    shown = repr(array.flat[0].item()) if array.dtype.kind in "SU" and array.size else f"values of {array.dtype}"
    told = "be LONG (1), SHORT (-1) or 0" if name == "entry" else "hold numbers"
    raise ComponentError(f"signals.{name} holds {shown}; it must {told}")


def _is_ascending(rows: Ints) -> bool:
    return bool((rows[1:] > rows[:-1]).all())


def _checked_rows(rows: npt.ArrayLike, size: int) -> Ints:
    """The rows in memory of their own, which the engine relies on."""
    if not isinstance(size, int | np.integer):
        raise ComponentError(f"Signals.at was given {type(size).__name__} as the number of bars; pass len(bars)")
    given = np.asarray(rows)
    if given.ndim != 1 or not (given.dtype.kind in "iu" or given.size == 0):
        raise ComponentError(
            f"Signals.at has rows of {given.dtype} in the shape {given.shape}; "
            "they must be indices of bars in one row, as np.flatnonzero gives"
        )
    at: Ints = given.astype(np.int64)
    if len(at) and not 0 <= at.min() <= at.max() < size:
        raise ComponentError(f"Signals.at has rows from {at.min()} to {at.max()}; there are {size} bars, from 0 on")
    at.flags.writeable = False
    return at


def _for_each(name: str, value: Any, count: int) -> npt.NDArray[Any]:
    values = _numeric(name, value)
    if values.ndim == 0:
        return np.full(count, values)
    if values.shape != (count,):
        raise ComponentError(
            f"Signals.at: {name} has shape {values.shape}; the rows have ({count},): give {name}[rows]"
        )
    return values.copy()


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
