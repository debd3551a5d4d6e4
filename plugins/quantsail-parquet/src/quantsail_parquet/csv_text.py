"""Reading CSV: Arrow's parser for speed, the standard library's to find the line that is wrong."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pc

from quantsail_framework.domain.bars import Bars
from quantsail_framework.domain.from_file import VALUES, shown
from quantsail_framework.errors import DataError
from quantsail_framework.ports.data_source import BarRequest
from quantsail_parquet.columns import COLUMNS, check_names, reading, to_bars

MAX_BYTES = 4 * 1024**3
_WHOLE = re.compile(r"-?[0-9]{1,19}")
_DATED = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def load(path: Path, request: BarRequest, origin: str) -> Bars:
    """The asked bars of the CSV file at ``path``. Raises DataError for whatever is wrong with it."""
    where = f"{shown(path)}: {request.symbol} {request.timeframe}"
    with reading(path, request.symbol, "CSV (UTF-8)"):
        if path.stat().st_size > MAX_BYTES:
            raise DataError(f"{where}: larger than {MAX_BYTES // 1024**3} GiB; convert it to Parquet")
        kind = _time_type(path, where)
        try:
            table = _parse(path, kind)
        except pa.ArrowInvalid:
            _refuse_bad_line(path, kind, where)
            raise
        if not table.num_rows:
            raise DataError(f"{where}: the file holds no candles")
        return to_bars(table, request, path, origin, lambda row: f"line {_line(path, row)}")


def _parse(path: Path, kind: pa.DataType) -> pa.Table:
    types = dict.fromkeys(VALUES, pa.float64()) | {"timestamp": kind}
    # Only an empty cell is missing: "nan" is a number that Bars refuses.
    convert = pc.ConvertOptions(include_columns=list(COLUMNS), column_types=types, null_values=[""])
    return pc.read_csv(path, convert_options=convert)


def _rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Line number and cells of every line that is not empty."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file)
        for cells in reader:
            if cells:
                yield reader.line_num, cells


def _time_type(path: Path, where: str) -> pa.DataType:
    """The Arrow type that fits the first timestamp; the header is checked on the way."""
    rows = _rows(path)
    _, header = next(rows, (1, []))
    check_names(header, f"{where}, line 1 (the header)")
    line, cells = next(rows, (2, ["0"] * len(header)))
    text = cells[header.index("timestamp")] if len(cells) == len(header) else ""
    kind = _kind(text)
    if kind is None:
        problem = f"timestamp {text!r} is neither a whole number nor an ISO 8601 time"
        raise DataError(f"{where}, line {line}: {problem}; write it like 2023-01-31 21:40:00")
    return kind


def _kind(text: str) -> pa.DataType | None:
    if _WHOLE.fullmatch(text):
        return pa.int64()
    try:
        # Python reads more forms of ISO 8601 than Arrow does, such as 20230131T2140.
        moment = datetime.fromisoformat(text if _DATED.match(text) else "")
    except ValueError:
        return None
    return pa.timestamp("ns", "UTC" if moment.tzinfo else None)


def _refuse_bad_line(path: Path, kind: pa.DataType, where: str) -> None:
    """Raise DataError for the first line whose cells are too few, too many, or do not parse."""
    rows = _rows(path)
    _, header = next(rows)
    for line, cells in rows:
        problem = _problem(header, cells, kind)
        if problem:
            raise DataError(f"{where}, line {line}: {problem}; repair or remove the line")


def _problem(header: list[str], cells: list[str], kind: pa.DataType) -> str | None:
    if len(cells) != len(header):
        return f"{len(cells)} cells, the header has {len(header)}"
    row = dict(zip(header, cells, strict=True))
    if row["timestamp"] and _kind(row["timestamp"]) != kind:
        return f"timestamp {row['timestamp']!r} is not written like those before it"
    bad = next((name for name in VALUES if row[name] and not _is_number(row[name])), None)
    return bad and f"{bad} {row[bad]!r} is not a decimal number"


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return "_" not in text


def _line(path: Path, row: int) -> int:
    """The line of the data row ``row``, counted from 0: quoted line breaks and empty lines shift it."""
    for index, (line, _) in enumerate(_rows(path)):
        if index == row + 1:
            return line
    return row + 2
