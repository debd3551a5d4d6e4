"""Columns of feather (Arrow) and Parquet files: names, types and sizes are checked before a value is read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import attrs
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from quantsail_data.importers.candles import MAX_ROWS, Job, Rows, rows_place, to_bars
from quantsail_data.importers.clock import counts_to_ns
from quantsail_data.importers.columns import check_roles, mapped
from quantsail_data.importers.names import named_like_ours
from quantsail_data.importers.streams import MAX_BYTES, first_line, guarded
from quantsail_framework.domain.bars import Bars, Ints
from quantsail_framework.domain.from_file import VALUES
from quantsail_framework.domain.time_units import UNITS
from quantsail_framework.domain.timeframe import NS_PER_DAY
from quantsail_framework.errors import DataError

_MAX_NS = 2**63 - 1


@attrs.frozen(eq=False)
class Table:
    """An open file: its schema, and its batches of the columns whose indices are asked."""

    schema: pa.Schema
    batches: Callable[[Sequence[int]], Iterable[pa.RecordBatch]]


def read(job: Job) -> Bars:
    """The candles of a feather or Parquet file whose columns have the usual names, or are mapped."""
    check_roles(job.options.columns)
    named, length = named_like_ours(job.path.name)
    symbol, timeframe = job.symbol(named), job.timeframe(length)
    with _table(job) as table:
        where = mapped(table.schema.names, job.options.columns, job.where)
        if len(where["time"]) != 1:
            raise DataError(f"{job.where}: the time of a table is one column; name one")
        picks = [where[role][0] for role in ("time", *VALUES) if role in where]
        time, *values = _columns(job, table, picks)
    if "volume" not in where:
        job.note("no volume: 0")
        values.append(np.zeros(len(time)))
    return to_bars(job, Rows(time, values, rows_place), symbol, timeframe, newest_first=True)


def named_columns(job: Job, names: Sequence[str]) -> list[Any]:
    """The time (ns UTC) and the numbers of a feather file's columns called ``names``, the time first."""
    with _table(job) as table:
        there = table.schema.names
        for name in names:
            if there.count(name) != 1:
                listed = ", ".join(str(column)[:40] for column in there[:20]) or "none"
                raise DataError(
                    f"{job.where}: {there.count(name)} columns named {name}, one is expected; it has {listed}"
                )
        return _columns(job, table, [there.index(name) for name in names])


@contextmanager
def _table(job: Job) -> Iterator[Table]:
    try:
        with guarded(job.path), job.path.open("rb") as file:
            start = file.read(4)
            file.seek(0)
            yield _parquet(file, job) if start == b"PAR1" else _feather(file)
    except pa.ArrowException as error:
        raise DataError(f"{job.where}: damaged, or neither feather nor Parquet ({first_line(error)})") from None


def _parquet(file: Any, job: Job) -> Table:
    parquet = pq.ParquetFile(file)
    meta = parquet.metadata
    size = sum(meta.row_group(index).total_byte_size for index in range(meta.num_row_groups))
    if meta.num_rows > MAX_ROWS or size > 2 * MAX_BYTES:
        raise DataError(f"{job.where}: {meta.num_rows:,} rows, {size:,} bytes: too many for candles; split the file")
    names = parquet.schema_arrow.names
    return Table(parquet.schema_arrow, lambda picks: parquet.iter_batches(columns=[names[pick] for pick in picks]))


def _feather(file: Any) -> Table:
    schema = pa.ipc.open_file(file).schema

    def batches(picks: Sequence[int]) -> Iterator[pa.RecordBatch]:
        options = pa.ipc.IpcReadOptions(included_fields=sorted(picks), use_threads=False)
        reader = pa.ipc.open_file(file, options=options)
        for index in range(reader.num_record_batches):
            yield reader.get_batch(index)

    return Table(schema, batches)


def _columns(job: Job, table: Table, picks: Sequence[int]) -> list[Any]:
    fields = [table.schema.field(pick) for pick in picks]
    twice = [field.name for field in fields if table.schema.names.count(field.name) > 1]
    if twice:
        raise DataError(f"{job.where}: column {twice[0][:40]!r} is there more than once; keep one")
    _check_types(fields, job.where)
    batches, rows = [], 0
    for batch in table.batches(picks):
        rows += batch.num_rows
        if rows > MAX_ROWS:
            raise DataError(f"{job.where}: more than {MAX_ROWS:,} rows; split the file")
        batch.validate()
        batches.append(batch)
    columns = []
    for field in fields:
        column = pa.chunked_array([batch.column(field.name) for batch in batches], field.type)
        if column.null_count:
            row = next(row for row, value in enumerate(column) if not value.is_valid)
            raise DataError(f"{job.where}, row {row}: {field.name} is missing; repair or remove the row")
        columns.append(column)
    return [
        _times(columns[0], job.where),
        *(column.cast(pa.float64(), safe=False).to_numpy() for column in columns[1:]),
    ]


def _check_types(fields: Sequence[pa.Field], where: str) -> None:
    time = fields[0].type
    if not (pa.types.is_timestamp(time) or pa.types.is_date(time) or pa.types.is_integer(time)):
        raise DataError(f"{where}: column {fields[0].name} holds {_kind(time)}; store times as timestamps (UTC)")
    for field in fields[1:]:
        if not (pa.types.is_floating(field.type) or pa.types.is_integer(field.type) or pa.types.is_decimal(field.type)):
            raise DataError(f"{where}: column {field.name} holds {_kind(field.type)}; store it as float64")


def _kind(kind: pa.DataType) -> str:
    return str(kind)[:60]


def _times(column: pa.ChunkedArray, where: str) -> Ints:
    kind = column.type
    if pa.types.is_date32(kind):
        days: Ints = column.cast(pa.int32()).to_numpy().astype(np.int64) * NS_PER_DAY
        return days
    counts: Ints = column.cast(pa.int64()).to_numpy()
    if pa.types.is_integer(kind):
        return counts_to_ns(counts, where, rows_place)
    scale = UNITS[kind.unit if pa.types.is_timestamp(kind) else "ms"]
    if len(counts) and max(-int(counts.min()), int(counts.max())) * scale > _MAX_NS:
        raise DataError(f"{where}: times reach beyond the years 1678 to 2262; check their unit ({kind})")
    times: Ints = counts * scale
    return times
