"""One part of a series: a Parquet file with the candles of one calendar period (UTC) and where they came from.

The columns are ``timestamp`` (bar open, ns, UTC), ``open``, ``high``, ``low``, ``close`` and ``volume`` as float64,
so that any other tool can read a part. What the store knows of it is JSON under the key ``quantsail`` of its schema.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

import quantsail_framework
from quantsail_framework.domain.bars import PRICE_COLUMNS, Bars, utc_text
from quantsail_framework.domain.gaps import Gaps, gaps_in
from quantsail_framework.domain.timeframe import NS_PER_SECOND, Timeframe
from quantsail_framework.errors import DataError
from quantsail_framework.store.files import replace

SUFFIX = ".parquet"
COLUMNS = (*PRICE_COLUMNS, "volume")
_KEY = b"quantsail"
_SCHEMA = 1
_MOST_ROWS = 5_000_000  # of one part, which holds a month at most of 1m candles: more is no part of ours
_MINUTE = 60 * NS_PER_SECOND
_ARROW = pa.schema(
    [pa.field("timestamp", pa.timestamp("ns", "UTC")), *(pa.field(name, pa.float64()) for name in COLUMNS)]
)
_REMEDY = "remove the file and fetch or import that period again"


@attrs.frozen
class Part:
    """What a part says of itself. ``sha256`` is its candles' ``Bars.content_hash``; times are bar opens, ns."""

    name: str
    rows: int
    first_ns: int
    last_ns: int
    gaps: Gaps
    sha256: str
    source: str
    fetched_ns: int
    version: str


def period(timeframe: Timeframe) -> str:
    """NumPy's unit of the periods that series of ``timeframe`` are cut into."""
    return "D" if timeframe.ns < _MINUTE else "M" if timeframe.ns < 5 * _MINUTE else "Y"


def period_name(time_ns: int, timeframe: Timeframe) -> str:
    """The part that a bar belongs to, such as ``2023-01``. Names sort as their periods do."""
    return str(np.datetime64(time_ns, "ns").astype(f"datetime64[{period(timeframe)}]"))


def split(bars: Bars) -> Iterator[tuple[str, Bars]]:
    """``bars`` cut into parts, each with its name."""
    periods = bars.time.astype("datetime64[ns]").astype(f"datetime64[{period(bars.timeframe)}]")
    edges = [0, *(np.flatnonzero(periods[1:] != periods[:-1]) + 1).tolist(), len(bars)]
    for start, stop in pairwise(edges):
        if stop > start:
            yield str(periods[start]), bars.slice(start, stop)


def write_part(path: Path, bars: Bars, *, venue: str, source: str, fetched_ns: int) -> None:
    """Replace the part at ``path`` by ``bars``."""
    about = {
        "schema": _SCHEMA,
        "venue": venue,
        "symbol": bars.symbol,
        "timeframe": str(bars.timeframe),
        "rows": len(bars),
        "first_ns": int(bars.time[0]),
        "last_ns": int(bars.time[-1]),
        "gaps": attrs.asdict(gaps_in(bars.time, bars.timeframe)),
        "sha256": bars.content_hash,
        "source": source,
        "fetched_ns": fetched_ns,
        "version": quantsail_framework.__version__,
    }
    columns = {name: pa.array(getattr(bars, name)) for name in COLUMNS}
    table = pa.table({"timestamp": pa.array(bars.time).view(pa.timestamp("ns", "UTC")), **columns})
    table = table.replace_schema_metadata({_KEY: json.dumps(about)})
    # LZ4 decodes three times as fast as Zstandard here and takes a third more room.
    options = {"compression": "lz4", "use_dictionary": False, "column_encoding": {"timestamp": "DELTA_BINARY_PACKED"}}
    replace(path, lambda file: pq.write_table(table, file, **options))


def describe(path: Path) -> Part:
    """What the part at ``path`` says of itself; only its footer is read."""
    return _part(path, _about(path, _metadata(path).metadata))


def read_part(path: Path, symbol: str, timeframe: Timeframe) -> Bars:
    """The candles of a part. Raises DataError for a file that is broken, or holds other candles than its place says."""
    try:
        with pq.ParquetFile(path) as file:
            about = _about(path, file.metadata.metadata)
            if (about["symbol"], about["timeframe"]) != (symbol, str(timeframe)):
                found = f"{about['symbol']} {about['timeframe']}"
                raise DataError(f"{path}: holds {found}, not {symbol} {timeframe}; was the file moved?")
            if not 0 < file.metadata.num_rows <= _MOST_ROWS:
                raise DataError(f"{path}: {file.metadata.num_rows} rows are none that a part can have")
            if not file.schema_arrow.equals(_ARROW, check_metadata=False):
                raise DataError(f"{path}: its columns are not those of a part; {_REMEDY}")
            table = file.read(use_threads=False)
    except (OSError, pa.ArrowException, KeyError) as error:
        raise _broken(path, error) from None
    if any(column.null_count for column in table.columns):
        raise DataError(f"{path}: values are missing; {_REMEDY}")
    time = _array(table.column("timestamp").combine_chunks().view(pa.int64()), np.int64)
    values = (_array(table.column(name).combine_chunks(), np.float64) for name in COLUMNS)
    bars = Bars(symbol, timeframe, time, *values, origin=path.name)
    for edge in (int(time[0]), int(time[-1])):
        if period_name(edge, timeframe) != path.stem:
            raise DataError(
                f"{path}: holds a candle of {utc_text(edge)}, which is another period; was the file renamed?"
            )
    return bars


def _metadata(path: Path) -> Any:
    try:
        return pq.read_metadata(path)
    except (OSError, pa.ArrowException) as error:
        raise _broken(path, error) from None


def _about(path: Path, metadata: dict[bytes, bytes] | None) -> dict[str, Any]:
    try:
        about: dict[str, Any] = json.loads((metadata or {})[_KEY])
        if about["schema"] == _SCHEMA:
            return about
        raise DataError(f"{path}: written by another version ({about['version']}); update quantsail-framework")
    except (KeyError, ValueError, TypeError):
        raise DataError(f"{path}: not a part of a store; use the source `parquet` for files of your own") from None


def _part(path: Path, about: dict[str, Any]) -> Part:
    try:
        fields = {name: about[name] for name in ("rows", "first_ns", "last_ns", "sha256", "source", "fetched_ns")}
        return Part(name=path.stem, gaps=Gaps(**about["gaps"]), version=about["version"], **fields)
    except (KeyError, TypeError) as error:
        raise _broken(path, error) from None


def _broken(path: Path, error: Exception) -> DataError:
    reason = (str(error).splitlines() or [type(error).__name__])[0]
    return DataError(f"{path}: cannot be read ({reason}); {_REMEDY}")


def _array(array: Any, dtype: type) -> Any:
    """The array's own memory (no nulls, 8 bytes a value), without the pandas of ``to_numpy``."""
    values: Any = np.frombuffer(array.buffers()[1], dtype, len(array), array.offset * 8)
    values.flags.writeable = False  # or Bars would copy it
    return values
