"""The reporter ``console``: a summary on standard output, in colour on a terminal, plain text anywhere else."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TextIO

import attrs

from quantsail_framework.domain.result import RunResult
from quantsail_report import plain
from quantsail_report.summary import summary


@attrs.frozen
class ConsoleReporter:
    """Prints the summary of a run to standard output; the path of the run folder is its last line.

    Colours need a terminal; ``NO_COLOR`` and ``TERM=dumb`` switch them off. Nothing in the text depends on
    the time of the run, so two runs of one pipeline print the same but for the path.
    """

    def write(self, result: RunResult, folder: Path | None) -> None:
        """Print ``result``; ``folder`` is only named."""
        sections = summary(result)
        place = _place(result, folder)
        if _wants_colour(sys.stdout):
            from quantsail_report import terminal  # rich costs 80 ms to import

            terminal.show(sections, place)
        else:
            _print(plain.text(sections, place), sys.stdout)


def _place(result: RunResult, folder: Path | None) -> str:
    """The folder as text; empty when the run kept none."""
    return str(folder) if folder is not None else str(result.facts.get("folder") or "")


def _wants_colour(stream: TextIO) -> bool:
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _print(text: str, stream: TextIO) -> None:
    """Write; a character that the stream's encoding lacks (in a name or a path) becomes a question mark."""
    encoding = stream.encoding or "utf-8"
    stream.write(text.encode(encoding, "replace").decode(encoding))
    stream.flush()
