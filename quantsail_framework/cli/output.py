"""How the command line prints: tables by rich on a terminal, aligned text when piped, JSON when asked.

rich is imported on a terminal only: it costs more than most commands.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable

    Progress = Callable[[float, str], None]

_PATIENCE_S = 1.0  # a run that is over sooner needs no progress bar


def print_json(value: Any) -> None:
    """One JSON document on stdout; never NaN."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False))


def print_table(headers: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Rows of plain values under their headers; None prints as a dash."""
    texts = [["-" if cell is None else str(cell) for cell in row] for row in rows]
    if sys.stdout.isatty():
        _print_rich(headers, texts)
        return
    widths = [max(map(len, column)) for column in zip(headers, *texts, strict=True)]
    for line in ([header.upper() for header in headers], *texts):
        cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        click.echo("  ".join(cells).rstrip())


def _print_rich(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(header_style="bold", box=None, pad_edge=False)
    for header in headers:
        table.add_column(header, overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    Console().print(table)


@contextmanager
def progress_bar(*, shown: bool) -> Iterator[Progress | None]:
    """A progress function with a bar on stderr, begun after a second; None when stderr is no terminal."""
    if not (shown and sys.stderr.isatty()):
        yield None
        return
    bar = _Bar()
    try:
        yield bar.update
    finally:
        bar.close()


class _Bar:
    """A rich bar that is only made once a run has lasted a while."""

    def __init__(self) -> None:
        self._begun = time.monotonic()
        self._bar: Any = None
        self._task: Any = None

    def update(self, fraction: float, text: str) -> None:
        if self._bar is None:
            if time.monotonic() - self._begun < _PATIENCE_S:
                return
            self._start()
        self._bar.update(self._task, completed=fraction, description=text)

    def _start(self) -> None:
        from rich.console import Console
        from rich.progress import Progress

        self._bar = Progress(console=Console(stderr=True), transient=True)
        self._task = self._bar.add_task("", total=1.0)
        self._bar.start()

    def close(self) -> None:
        if self._bar is not None:
            self._bar.stop()
