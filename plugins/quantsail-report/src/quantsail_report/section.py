"""A piece of the summary, as text in cells: what the plain and the coloured output both lay out."""

from __future__ import annotations

from typing import NamedTuple

Row = tuple[str, ...]


class Section(NamedTuple):
    """A titled table, lines of text, or both.

    ``align`` has one letter a column, ``l`` or ``r``. Every row and ``header`` (empty for none) has as
    many cells as ``align`` letters. ``lines`` follow the table.
    """

    title: str
    align: str = ""
    header: Row = ()
    rows: tuple[Row, ...] = ()
    lines: tuple[str, ...] = ()
