"""From six Arrow columns to Bars: units, types, the asked range, and messages with the file's own row numbers."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from quantsail_framework.domain.bars import Bars, Floats, Ints, utc_text
from quantsail_framework.domain.from_file import VALUES, Place, bars_from_file, shown
from quantsail_framework.domain.time_units import UNITS, unit_of
from quantsail_framework.domain.timeframe import NS_PER_DAY
from quantsail_framework.errors import DataError
from quantsail_framework.ports.data_source import BarRequest

COLUMNS = ("timestamp", *VALUES)
_MAX_NS = 2**63 - 1


@contextmanager
def reading(path: Path, symbol: str, kind: str) -> Iterator[None]:
    """Turn what the operating system and Arrow raise into a DataError that names file and symbol."""
    try:
        yield
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else _first_line(error)
        raise DataError(f"{shown(path)}: candles of {symbol} cannot be read ({reason})") from None
    except (pa.ArrowException, UnicodeDecodeError) as error:
        reason = f"not {kind}? ({_first_line(error)})"
        raise DataError(f"{shown(path)}: candles of {symbol} cannot be read; {reason}") from None


def check_names(names: Iterable[str], where: str) -> None:
    """Raise DataError when a column is missing or there twice."""
    found = list(names)
    missing = [name for name in COLUMNS if name not in found]
    if missing:
        there = f"needed are {', '.join(COLUMNS)}; found are {', '.join(found) or 'none'}"
        raise DataError(f"{where}: no column {', '.join(missing)}; {there}")
    twice = [name for name in COLUMNS if found.count(name) > 1]
    if twice:
        raise DataError(f"{where}: column {', '.join(twice)} is there more than once; keep one")


def check_types(schema: pa.Schema, where: str) -> None:
    """Raise DataError for prices and volumes that are not numbers, and times that are no times."""
    time = schema.field("timestamp").type
    if not (pa.types.is_timestamp(time) or pa.types.is_date(time) or pa.types.is_integer(time)):
        raise DataError(f"{where}: column timestamp holds {time}; store it as a timestamp (UTC)")
    for name in VALUES:
        kind = schema.field(name).type
        if not (pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_decimal(kind)):
            raise DataError(f"{where}: column {name} holds {kind}; store it as float64")


def ns_per_count(kind: pa.DataType, low: int, high: int, where: str) -> int:
    """Nanoseconds per count of a time column of Arrow type ``kind`` whose values span ``low`` to ``high``.

    Raises DataError for whole numbers whose size does not tell their unit, and for times after 2262.
    """
    if pa.types.is_timestamp(kind):
        scale = UNITS[kind.unit]
    elif pa.types.is_date(kind):
        scale = NS_PER_DAY if pa.types.is_date32(kind) else UNITS["ms"]
    else:
        scale = _unit_by_size(low, high, where)
    if max(-low, high) * scale > _MAX_NS:
        raise DataError(f"{where}: column timestamp reaches beyond the years 1678 to 2262; check its unit ({kind})")
    return scale


def _unit_by_size(low: int, high: int, where: str) -> int:
    unit = unit_of(low, high)
    if unit is not None:
        return UNITS[unit]
    raise DataError(
        f"{where}: column timestamp holds whole numbers from {low} to {high}, which are not s, ms, us or ns since 1970 "
        "that all lie between 1975 and 2200; store it as a timestamp (UTC)"
    )


def to_bars(table: pa.Table, request: BarRequest, path: Path, origin: str, place: Place) -> Bars:
    """The bars that ``request`` asks for. ``place`` words the number of a row of ``table``.

    Messages name ``path``; ``origin``, which goes with the bars, is the same on every machine.

    Times out of order cannot be cut to the range: all of them go to Bars, which refuses them.
    """
    where = f"{shown(path)}: {request.symbol} {request.timeframe}"
    time = _times(table.column("timestamp"), where, place)
    in_order = bool((time[1:] > time[:-1]).all())
    first, stop = window(time, request) if in_order else (0, len(time))
    columns = {name: table.column(name).slice(first, stop - first) for name in VALUES}
    for name, column in columns.items():
        if column.null_count:
            row = first + _first_null(column)
            problem = f"{name} is missing; repair or remove the candle"
            raise DataError(f"{where}, {place(row)} ({utc_text(int(time[row]))}): {problem}")
    # A small part must not keep all that was read in memory.
    keep = np.copy if 2 * (stop - first) < len(time) else np.asarray
    values = [keep(_floats(columns[name])) for name in VALUES]
    return bars_from_file(
        request.symbol,
        request.timeframe,
        keep(time[first:stop]),
        values,
        path=path,
        origin=origin,
        place=lambda row: place(first + row),
    )


def window(time: Ints, request: BarRequest) -> tuple[int, int]:
    """First and one-past-last index of the asked range with its warm-up; an empty range has no warm-up."""
    first = 0 if request.start_ns is None else int(time.searchsorted(request.start_ns))
    stop = len(time) if request.end_ns is None else int(time.searchsorted(request.end_ns))
    return (max(0, first - request.warmup), stop) if first < stop else (first, first)


def _times(column: pa.ChunkedArray, where: str, place: Place) -> Ints:
    if column.null_count:
        raise DataError(f"{where}, {place(_first_null(column))}: timestamp is missing; repair or remove the candle")
    if not len(column):
        return np.empty(0, np.int64)
    counts = _counts(_whole(column))
    scale = ns_per_count(column.type, int(counts.min()), int(counts.max()), where)
    return counts if scale == 1 else counts * scale


def _counts(array: pa.Array) -> Ints:
    kind = array.type
    if pa.types.is_timestamp(kind) or pa.types.is_date64(kind):
        array = array.view(pa.int64())
    elif pa.types.is_date32(kind):
        array = array.view(pa.int32())
    if array.type != pa.int64():
        array = array.cast(pa.int64())
    return _view(array, np.int64)


def _floats(column: pa.ChunkedArray) -> Floats:
    array = _whole(column)
    if array.type != pa.float64():
        array = array.cast(pa.float64(), safe=False)
    return _view(array, np.float64)


def _whole(column: pa.ChunkedArray) -> pa.Array:
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def _view(array: pa.Array, dtype: type) -> np.ndarray:
    """The array's own memory (8 bytes a value, no nulls), without the copy and the pandas of ``to_numpy``."""
    if not len(array):
        return np.empty(0, dtype)
    values: npt.NDArray[Any] = np.frombuffer(array.buffers()[1], dtype, len(array), array.offset * 8)
    values.flags.writeable = False  # or Bars would copy it
    return values


def _first_null(column: pa.ChunkedArray) -> int:
    return next(row for row, value in enumerate(column) if not value.is_valid)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
