"""Rows of a JSON list of lists, read piece by piece: no nesting, no NaN, no more memory than the numbers need."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, TextIO

from quantsail_framework.errors import DataError

_PIECE = 1024 * 1024
_ROW = re.compile(r"\s*+(,?)\s*+(\[[^\[\]{}]{0,4000}\])")
_LONGEST = 64 * 1024


def json_rows(stream: TextIO, where: str) -> Iterator[list[Any]]:
    """Each row of ``[[...], [...]]``. Raises DataError, naming the row, for all that is no flat row of values."""
    text = stream.read(_PIECE).lstrip()
    if not text.startswith("["):
        raise DataError(f"{where}: not a JSON list of rows such as [[1672531200000, 1.0, 1.2, 0.9, 1.1, 5.0]]")
    position, row = 1, 0
    while True:
        match = _ROW.match(text, position)
        if match is not None and bool(match[1]) == bool(row):
            yield _parsed(match[2], f"{where}, row {row}")
            position, row = match.end(), row + 1
            continue
        rest = text[position:]
        more = stream.read(_PIECE) if len(rest) < _LONGEST else ""
        if not more:
            break
        text, position = rest + more, 0
    if rest.strip() != "]":
        raise DataError(f"{where}, row {row}: not a row of plain values, or the file is cut off; download it again")


def _parsed(text: str, where: str) -> list[Any]:
    def refuse(name: str) -> None:
        raise ValueError(f"{name} is no number")

    try:
        row: list[Any] = json.loads(text, parse_constant=refuse)
    except ValueError as error:
        raise DataError(f"{where}: {str(error).splitlines()[0]}; repair or remove the row") from None
    return row
