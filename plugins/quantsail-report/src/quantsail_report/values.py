"""The values of a result as files hold them: times as ISO 8601 in UTC, None where there is nothing."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from pathlib import PurePath
from typing import Any

import numpy as np

from quantsail_framework.domain.result import Column, Table, is_time_column

Cells = list[Any]
_NO_TIME = np.iinfo(np.int64).min


def cells(name: str, column: Column) -> Cells:
    """The values of one column: text, numbers, True and False; None for NaN and for what is missing."""
    if is_time_column(name):
        return _moments(column)
    if column.dtype.kind == "f":
        return np.where(np.isfinite(column), column.astype(object), None).tolist()
    return [value.item() if isinstance(value, np.generic) else value for value in column.tolist()]


def rows(table: Table) -> Iterator[tuple[Any, ...]]:
    """The rows of a table, each with a value per column."""
    return zip(*(cells(name, np.asarray(column)) for name, column in table.items()), strict=True)


def plain(value: Any) -> Any:
    """A metric or a fact as JSON knows it."""
    if isinstance(value, Mapping):
        return {str(name): plain(item) for name, item in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist())
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    return value.as_posix() if isinstance(value, PurePath) else value


def _moments(column: Column) -> Cells:
    """``2024-01-31T23:55:00Z``; with nanoseconds when one of the column has a fraction of a second."""
    times = column.astype(np.int64)
    known = times != _NO_TIME
    unit = "ns" if (times[known] % 1_000_000_000).any() else "s"
    texts = np.datetime_as_string(times.astype("datetime64[ns]"), unit=unit).tolist()
    return [f"{text}Z" if has else None for text, has in zip(texts, known.tolist(), strict=True)]
