"""The summary as aligned text without colours, for pipes, files and logs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from quantsail_report.section import Row, Section

_GAP = "  "


def text(sections: Sequence[Section], place: str) -> str:
    """All sections with a blank line between them; ``place`` is the last line (none when empty)."""
    blocks = ["\n".join(_lines(section)) for section in sections]
    return "\n\n".join([*blocks, place] if place else blocks) + "\n"


def _lines(section: Section) -> Iterator[str]:
    yield section.title
    table = [section.header, *section.rows] if section.header else list(section.rows)
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for row in table:
        yield _GAP.join(_cells(row, widths, section.align)).rstrip()
    yield from section.lines


def _cells(row: Row, widths: Sequence[int], align: str) -> Iterator[str]:
    for cell, width, side in zip(row, widths, align, strict=True):
        yield cell.ljust(width) if side == "l" else cell.rjust(width)
