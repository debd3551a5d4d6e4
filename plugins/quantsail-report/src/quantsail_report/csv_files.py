"""The reporter ``csv``: the tables of a result for spreadsheets."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs

from quantsail_framework.domain.result import RunResult, plain_rows

_FORMULA = ("=", "+", "-", "@")  # how a formula begins, for one spreadsheet or another
_CONTROL = ("\t", "\r", "\n")


@attrs.frozen
class CsvReporter:
    """Writes each table of the result into the run folder as ``<table>.csv``: UTF-8, a header, commas.

    Times are ISO 8601 in UTC, numbers have all their digits, what is undefined or missing is empty. Text that a
    spreadsheet would take for a formula (it begins with = + - or @) gets an apostrophe before it, which
    spreadsheets read as "this is text": the words of a strategy or the name of a market run nothing.
    """

    def write(self, result: RunResult, folder: Path | None) -> None:
        """Write the files; nothing without a folder."""
        if folder is None:
            return
        for name, table in result.tables.items():
            with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
                writer = csv.writer(file, lineterminator="\n")
                writer.writerow(map(_safe, table))
                writer.writerows(_cells(row) for row in plain_rows(table))


def _cells(row: tuple[Any, ...]) -> Iterator[Any]:
    for value in row:
        if isinstance(value, bool):
            yield "true" if value else "false"
        else:
            yield _safe(value) if isinstance(value, str) else value


def _safe(text: str) -> str:
    """Text as a cell that is no formula, also behind blanks, which some spreadsheets take away."""
    return f"'{text}" if text.lstrip().startswith(_FORMULA) or text.startswith(_CONTROL) else text
