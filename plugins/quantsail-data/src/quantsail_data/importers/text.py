"""Rows of cells from delimited text, and the columns of a file's candles in bounded pieces."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain, islice
from typing import TextIO

import attrs
import numpy as np

from quantsail_data.importers.candles import MAX_ROWS, Job
from quantsail_data.importers.clock import TimeRule, rule_for
from quantsail_data.importers.streams import opened_text
from quantsail_framework.domain.bars import Floats, Ints
from quantsail_framework.domain.from_file import VALUES, Place
from quantsail_framework.errors import DataError

_MAX_LINE = 65_536
# Where two are as many, the comma may be decimal.
_DELIMITERS = ";\t|,"
_PIECE = 50_000

Line = tuple[int, list[str]]


@attrs.frozen(eq=False)
class Text:
    """The lines of a file as cells, with their numbers; empty lines are left out. ``member`` is the file's own name."""

    lines: Iterator[Line]
    where: str
    member: str

    def peeked(self, count: int = 1) -> tuple[list[Line], Text]:
        """The next ``count`` lines, and the text with them still to come."""
        first = list(islice(self.lines, count))
        return first, attrs.evolve(self, lines=chain(first, self.lines))


@contextmanager
def opened_lines(job: Job, delimiter: str | None = None) -> Iterator[Text]:
    """The cells of the text file of ``job``. Raises DataError for lines that are too long or not text."""
    with opened_text(job.path) as (stream, file):
        lines = _lines(stream, file.where)
        head = list(islice(lines, 3))
        sign = delimiter or _delimiter(head)
        yield Text(_cells(chain(head, lines), sign, file.where), file.where, file.name)


def _lines(stream: TextIO, where: str) -> Iterator[str]:
    number = 0
    while line := stream.readline(_MAX_LINE):
        number += 1
        if len(line) == _MAX_LINE:
            raise DataError(
                f"{where}, line {number}: longer than {_MAX_LINE:,} characters; this is no table of candles"
            )
        yield line


def _delimiter(head: Sequence[str]) -> str:
    """The sign that the last of the first lines has most of; a banner may come before."""
    last = head[-1] if head else ""
    return max(_DELIMITERS, key=last.count)


def _cells(lines: Iterable[str], delimiter: str, where: str) -> Iterator[Line]:
    reader = csv.reader(lines, delimiter=delimiter, skipinitialspace=True)
    while True:
        try:
            cells = next(reader, None)
        except csv.Error as error:
            raise DataError(f"{where}, line {reader.line_num}: {error}; repair or remove the line") from None
        if cells is None:
            return
        if any(cells):
            yield reader.line_num, cells


@attrs.frozen(eq=False)
class Columns:
    """Times as the file counts them, the wanted columns of numbers, and the line of each row."""

    time: Ints
    values: list[Floats]
    lines: Ints
    rule: TimeRule

    @property
    def place(self) -> Place:
        """Words a row by its line."""
        lines = self.lines
        return lambda row: f"line {lines[row]}"


def read_columns(
    text: Text,
    picks: Sequence[int | None],
    time_of: Callable[[list[str]], str],
    *,
    rule: TimeRule | None = None,
    names: Sequence[str] = VALUES,
    decimal: str = ".",
    width: int | None = None,
) -> Columns:
    """The columns numbered ``picks`` (None: all zero), named ``names`` in messages, and the time that ``time_of`` takes
    from a row. Only numbers are kept of what was read, so memory grows by 8 bytes a cell.

    Raises DataError, naming the line, for rows whose cells are too few, too many or no numbers, and no times.
    """
    first, text = text.peeked()
    if not first:
        raise DataError(f"{text.where}: the file holds no rows")
    line, cells = first[0]
    width = width or len(cells)
    if max((pick for pick in picks if pick is not None), default=0) >= width:
        raise DataError(f"{text.where}, line {line}: {len(cells)} cells, which are too few for this format")
    if rule is None:
        rule = _rule(text.where, line, cells, width, time_of)
    times, lines = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    pieces: list[list[Floats]] = [[np.empty(0)] for _ in picks]
    rows = 0
    while piece := list(islice(text.lines, _PIECE)):
        rows += len(piece)
        if rows > MAX_ROWS:
            raise DataError(f"{text.where}: more than {MAX_ROWS:,} rows; split the file")
        _check_width(piece, width, text.where)
        lines.append(np.array([number for number, _ in piece], np.int64))
        times.append(_times(piece, time_of, rule, text.where, line))
        for column, pick, name in zip(pieces, picks, names, strict=True):
            column.append(np.zeros(len(piece)) if pick is None else _floats(piece, pick, name, decimal, text.where))
    return Columns(np.concatenate(times), [np.concatenate(column) for column in pieces], np.concatenate(lines), rule)


def _check_width(piece: list[Line], width: int, where: str) -> None:
    for number, cells in piece:
        if len(cells) != width:
            problem = f"{len(cells)} cells, {width} are expected"
            raise DataError(f"{where}, line {number}: {problem}; repair or remove the line")


def _rule(where: str, line: int, cells: list[str], width: int, time_of: Callable[[list[str]], str]) -> TimeRule:
    text = time_of(cells).strip() if len(cells) == width else ""
    try:
        return rule_for(text)
    except ValueError:
        raise DataError(
            f"{where}, line {line}: {text[:40]!r} is no time of this format; for another one say how times are written"
        ) from None


def _times(piece: list[Line], time_of: Callable[[list[str]], str], rule: TimeRule, where: str, first: int) -> Ints:
    read, found = rule.read, []
    for number, cells in piece:
        text = time_of(cells).strip()
        try:
            found.append(read(text))
        except (ValueError, OverflowError):
            like = "written like those before it" if number != first else "a time of this format, or of that asked for"
            problem = f"time {text[:40]!r} is not {like}" if text else "time is missing"
            raise DataError(f"{where}, line {number}: {problem}; repair or remove the line") from None
    return np.array(found, np.int64)


def _floats(piece: list[Line], pick: int, name: str, decimal: str, where: str) -> Floats:
    texts = [cells[pick] for _, cells in piece]
    try:
        # All at once where float() alone decides; it also takes 1_000, which no file of numbers means.
        plain = decimal == "." and "_" not in "".join(texts)
        return np.array(list(map(float, texts)) if plain else [number(text, decimal) for text in texts])
    except ValueError:
        for line, cells in piece:
            if not is_number(cells[pick], decimal):
                text = cells[pick]
                problem = f"{name} {text[:40]!r} is not a decimal number" if text else f"{name} is missing"
                raise DataError(f"{where}, line {line}: {problem}; repair or remove the line") from None
        raise


def number(text: str, decimal: str = ".") -> float:
    """A number with the decimal sign ``decimal``. Raises ValueError for thousands' signs and all else."""
    if decimal == ",":
        if "." in text:
            raise ValueError(text)
        text = text.replace(",", ".")
    if "_" in text:
        raise ValueError(text)
    return float(text)


def is_number(text: str, decimal: str = ".") -> bool:
    """Whether ``number`` would take it."""
    try:
        number(text, decimal)
    except ValueError:
        return False
    return True
