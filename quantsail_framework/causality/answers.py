"""Asks strategies and cost models about bars and lays their answers out as columns of numbers, one value per bar."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from quantsail_framework.causality.compare import Column, Columns
from quantsail_framework.domain.bars import Bars
from quantsail_framework.domain.fill import Costs
from quantsail_framework.domain.order import EntryOrder
from quantsail_framework.domain.signals import COLUMNS, Adjust, Enter, Exit, Signals
from quantsail_framework.domain.trade import Position
from quantsail_framework.errors import ComponentError
from quantsail_framework.ports.strategy import BarView

# How long the position that a bar strategy is asked about has been open.
HELD_BARS = 5

_MISSING = {name: float(missing) for name, (_, missing) in COLUMNS.items()}
LEVELS = ("stop", "target", "confidence", "trail", "max_bars")


def signal_values(signals: Signals, size: int) -> Columns:
    """Every column of ``signals`` as ``size`` floats. Raises ComponentError for another length."""
    return {name: signals.column(name, size, np.float64, missing) for name, missing in _MISSING.items()}


def decision_values(strategy: Any, bars: Bars, prepared: Any, rows: Iterable[int], side: int) -> Columns:
    """What a bar strategy decides at the close of each of ``rows``, as columns; elsewhere as where it says nothing.

    It is asked twice: without a position, and with one of ``side`` that was entered five bars before.
    """
    missing = {**_MISSING, "adjusted stop": math.nan, "adjusted target": math.nan}
    columns = {name: np.full(len(bars), value) for name, value in missing.items()}

    def put(name: str, index: int, value: float | None) -> None:
        columns[name][index] = math.nan if value is None else value

    for index, flat, held in ask(strategy, bars, prepared, rows, side):
        if isinstance(flat, Enter):
            put("entry", index, flat.side)
            for name in LEVELS:
                put(name, index, getattr(flat, name))
        put("exit", index, isinstance(held, Exit))
        if isinstance(held, Adjust):
            put("adjusted stop", index, held.stop)
            put("adjusted target", index, held.target)
    return columns


def ask(strategy: Any, bars: Bars, prepared: Any, rows: Iterable[int], side: int) -> Iterator[tuple[int, Any, Any]]:
    """(row, decision without a position, decision with one) of a bar strategy."""
    for index in rows:
        view = BarView(bars, prepared, index)
        held = held_position(bars, max(0, index - HELD_BARS), side)
        yield index, strategy.on_bar(view, None), strategy.on_bar(view, held)


def prepared_values(prepared: Any, size: int) -> Columns:
    """What ``prepare`` returned, a column for each of its arrays (or of a structured array's fields).

    Raises ComponentError for an array that has not one number per bar.
    """
    arrays = prepared if isinstance(prepared, Mapping) else {"": prepared}
    columns: dict[str, Column] = {}
    for name, values in arrays.items():
        array = np.asarray(values)
        label = f"prepare {name!r}" if name else "prepare"
        if array.shape != (size,):
            raise ComponentError(f"{label} has shape {array.shape}; the bars have ({size},)")
        columns.update(_number_columns(label, array))
    return columns


def _number_columns(name: str, values: np.ndarray[Any, Any]) -> Iterator[tuple[str, Column]]:
    if values.dtype.names is not None:
        for part in values.dtype.names:
            yield from _number_columns(f"{name}.{part}", values[part])
    elif values.dtype.kind in "biuf":
        yield name, np.asarray(values, np.float64)
    else:
        raise ComponentError(f"{name} holds {values.dtype}; it must hold numbers")


def held_position(bars: Bars, entered: int, side: int) -> Position:
    """One unit held since the open of bar ``entered``, its stop far away."""
    price, time_ns = float(bars.open[entered]), int(bars.time[entered])
    stop = price * (1 - side * 0.5)
    risk, equity = abs(price - stop), 100.0 * price
    order = EntryOrder(
        bars.symbol, side, 1.0, price, stop, None, None, 0, 1.0, "", time_ns, time_ns, equity, risk, "risk"
    )
    return Position(
        symbol=bars.symbol,
        side=side,
        quantity=1.0,
        entry_price=price,
        entry_time_ns=time_ns,
        costs=Costs(0.0),
        stop=stop,
        target=None,
        order=order,
    )
