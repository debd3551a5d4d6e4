"""How the command line prints: tables by rich on a terminal, aligned text when piped, JSON when asked.

rich is imported on a terminal only: it costs more than most commands.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable

    Progress = Callable[[float, str], None]

_DIGITS = 6  # significant ones of a figure in a table
_WRAPPED = 24  # least width of a column of prose, in characters


def print_json(value: Any) -> None:
    """One JSON document on stdout; never NaN."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False))


def toml_text(value: Any) -> str:
    """A plain value in TOML, whose texts and numbers are written as in JSON."""
    if isinstance(value, list):
        return f"[{', '.join(toml_text(item) for item in value)}]"
    if isinstance(value, Mapping):
        pairs = ", ".join(f"{toml_key(name)} = {toml_text(item)}" for name, item in value.items() if item is not None)
        return f"{{ {pairs} }}" if pairs else "{}"
    return json.dumps(value, ensure_ascii=False)


def figure_text(value: Any) -> str:
    """A metric in a few characters: a fraction with six significant digits, anything else as it is."""
    return repr(float(f"{value:.{_DIGITS}g}")).removesuffix(".0") if isinstance(value, float) else str(value)


def toml_key(name: str) -> str:
    """A key of a TOML table, in quotes where it needs them."""
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else json.dumps(name)


def print_table(
    headers: Sequence[str],
    rows: Sequence[Sequence[object]],
    prose: Sequence[str] = (),
    bold: Collection[int] = (),
) -> None:
    """Rows of plain values under their headers; None prints as a dash, numbers stand right.

    Only the columns in ``prose`` are wrapped on a narrow terminal: names and numbers stay whole, so
    that they can be copied. The rows whose numbers are in ``bold`` are so on a terminal.
    """
    columns = [_texts(header, [row[index] for row in rows]) for index, header in enumerate(headers)]
    texts = list(zip(*columns, strict=True))
    widths = [max(map(len, (header, *column))) for header, column in zip(headers, columns, strict=True)]
    if sys.stdout.isatty():
        _print_rich(headers, texts, widths, prose, bold)
        return
    for line in ([header.upper() for header in headers], *texts):
        cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        click.echo("  ".join(cells).rstrip())


def _texts(header: str, cells: Sequence[object]) -> list[str]:
    """The cells of one column; its numbers end below each other."""
    texts = ["-" if cell is None else str(cell) for cell in cells]
    numeric = [bool(re.fullmatch(r"[+-]?\d+(\.\d+)?(e[+-]?\d+)?%?", text)) for text in texts]
    width = max((len(text) for text, number in zip(texts, numeric, strict=True) if number), default=0)
    width = max(width, len(header)) if width else 0
    return [text.rjust(width) if number else text for text, number in zip(texts, numeric, strict=True)]


def _print_rich(
    headers: Sequence[str],
    rows: Sequence[Sequence[str]],
    widths: Sequence[int],
    prose: Sequence[str],
    bold: Collection[int],
) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(header_style="bold", box=None, pad_edge=False)
    least = 2 * (len(headers) - 1)
    for header, width in zip(headers, widths, strict=True):
        narrowest = min(width, _WRAPPED) if header in prose else width
        least += narrowest
        table.add_column(header, overflow="fold", no_wrap=header not in prose, min_width=narrowest)
    for number, row in enumerate(rows):
        table.add_row(*map(Text, row), style="bold" if number in bold else None)
    console = Console()
    console.width = max(console.width, least)  # the terminal itself breaks what does not fit, and copies it whole
    console.print(table)


@contextmanager
def progress_bar(*, shown: bool) -> Iterator[Progress | None]:
    """A progress function that shows on stderr what it was told last: in a bar on a terminal, else in a line now and
    then. None where nothing shall be shown."""
    if not shown:
        yield None
        return
    teller = _Teller(_Bar() if sys.stderr.isatty() else _Lines())
    try:
        yield teller.update
    finally:
        teller.close()


class _Teller:
    """Shows from a thread of its own, so that work which tells nothing for a while is shown too."""

    def __init__(self, display: _Bar | _Lines) -> None:
        self._display = display
        self._last: tuple[float, str] | None = None
        self._over = Event()
        self._thread = Thread(target=self._show, daemon=True)
        self._thread.start()

    def update(self, fraction: float, text: str) -> None:
        self._last = fraction, text

    def _show(self) -> None:
        pause_s = self._display.patience_s
        while not self._over.wait(pause_s):
            pause_s = self._display.pause_s
            if self._last is not None:
                with suppress(OSError):  # nobody reads any more
                    self._display.show(*self._last)

    def close(self) -> None:
        self._over.set()
        self._thread.join()
        self._display.close()


class _Bar:
    """A rich bar that is only made once a run has lasted a while."""

    patience_s, pause_s = 1.0, 0.1

    def __init__(self) -> None:
        self._bar: Any = None
        self._task: Any = None

    def show(self, fraction: float, text: str) -> None:
        if self._bar is None:
            from rich.console import Console
            from rich.progress import Progress

            self._bar = Progress(console=Console(stderr=True), transient=True)
            self._task = self._bar.add_task("", total=1.0)
            self._bar.start()
        self._bar.update(self._task, completed=fraction, description=text)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.stop()


class _Lines:
    """A line for whoever reads a log, where there is something new."""

    patience_s = pause_s = 10.0

    def __init__(self) -> None:
        self._shown = ""

    def show(self, fraction: float, text: str) -> None:
        line = f"{fraction:4.0%}  {text}"
        if line != self._shown:
            click.echo(line, err=True)
            self._shown = line

    def close(self) -> None:
        return
