"""Reading Parquet: only the row groups that hold the asked range and its warm-up."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import pyarrow.parquet as pq

from quantsail_framework.domain.bars import Bars
from quantsail_framework.domain.from_file import shown
from quantsail_framework.errors import DataError
from quantsail_framework.ports.data_source import BarRequest
from quantsail_parquet.columns import COLUMNS, check_names, check_types, ns_per_count, reading, to_bars

# 100 million bars are 190 years of minutes and 4.8 GB of columns: more is a mistake or a damaged file.
MAX_ROWS = 100_000_000


class Span(NamedTuple):
    """Rows of one row group and their first and last time, as counts of the file's unit."""

    rows: int
    first: int
    last: int


def load(path: Path, request: BarRequest, origin: str) -> Bars:
    """The asked bars of the Parquet file at ``path``. Raises DataError for whatever is wrong with it."""
    where = f"{shown(path)}: {request.symbol} {request.timeframe}"
    with reading(path, request.symbol, "Parquet"), pq.ParquetFile(path) as file:
        check_names(file.schema_arrow.names, where)
        check_types(file.schema_arrow, where)
        if not file.metadata.num_rows:
            raise DataError(f"{where}: the file holds no candles")
        groups = _groups(file, request, where)
        skipped = sum(file.metadata.row_group(index).num_rows for index in range(groups.start))
        asked = sum(file.metadata.row_group(index).num_rows for index in groups)
        if asked > MAX_ROWS:
            raise DataError(f"{where}: {asked:,} rows to read, above {MAX_ROWS:,}; narrow [data] start and end")
        table = file.read_row_groups(list(groups), columns=list(COLUMNS))
        return to_bars(table, request, path, origin, lambda row: f"row {skipped + row}")


def _groups(file: pq.ParquetFile, request: BarRequest, where: str) -> range:
    """The row groups to read: all of them unless statistics show that times increase from group to group."""
    every = range(file.num_row_groups)
    spans = _spans(file)
    if not spans or any(later.first <= earlier.last for earlier, later in pairwise(spans)):
        return every
    scale = ns_per_count(file.schema_arrow.field("timestamp").type, spans[0].first, spans[-1].last, where)
    start = 0 if request.start_ns is None else sum(span.last * scale < request.start_ns for span in spans)
    stop = len(spans) if request.end_ns is None else sum(span.first * scale < request.end_ns for span in spans)
    if start >= stop:
        return range(0)
    warmed = 0
    while start > 0 and warmed < request.warmup:
        start -= 1
        warmed += spans[start].rows
    return range(start, stop)


def _spans(file: pq.ParquetFile) -> list[Span]:
    """One Span per row group; none at all when any of them lacks statistics of its times."""
    if not file.num_row_groups:
        return []
    first = file.metadata.row_group(0)
    leaf = next(i for i in range(first.num_columns) if first.column(i).path_in_schema == "timestamp")
    spans = []
    for index in range(file.num_row_groups):
        group = file.metadata.row_group(index)
        column = group.column(leaf)
        known = column.statistics
        if known is None or not known.has_min_max or column.physical_type not in ("INT64", "INT32"):
            return []
        spans.append(Span(group.num_rows, known.min_raw, known.max_raw))
    return spans
