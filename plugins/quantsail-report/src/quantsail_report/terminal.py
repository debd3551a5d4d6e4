"""The summary on a terminal, in colour. The only module that imports rich."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from quantsail_report.section import Section

_SIGNED = re.compile(r"([+-])\d[\d,.]*%?")
_STYLES = {"+": "green", "-": "red"}


def show(sections: Sequence[Section], place: str, console: Console | None = None) -> None:
    """Print all sections, then ``place`` on a line of its own (never broken, so that it can be copied)."""
    console = console or Console(highlight=False)
    for section in sections:
        console.print(Text(section.title, "bold"))
        if section.rows:
            console.print(_table(section))
        for line in section.lines:
            console.print(Text(line, "dim"))
        console.print()
    if place:
        console.print(Text(place, "cyan"), soft_wrap=True)


def _table(section: Section) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, show_header=bool(section.header), header_style="dim")
    for side, heading in zip(section.align, section.header or section.align, strict=True):
        table.add_column(Text(heading), justify="left" if side == "l" else "right", overflow="fold")
    for row in section.rows:
        table.add_row(*(Text(cell, _style(cell)) for cell in row))
    return table


def _style(cell: str) -> str:
    signed = _SIGNED.fullmatch(cell)
    return _STYLES[signed[1]] if signed else ""
