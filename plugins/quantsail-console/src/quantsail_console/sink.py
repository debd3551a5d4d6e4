"""The alert sink ``console``: one line for each alert on stderr, where they do not mix with results."""

from __future__ import annotations

import sys

import attrs

from quantsail_framework import Alert
from quantsail_framework.domain.bars import utc_text


@attrs.frozen
class ConsoleSink:
    """Writes time, level, title and text to stderr; further lines of the text are indented."""

    def open(self) -> None:
        """Nothing to open."""

    def send(self, alert: Alert) -> None:
        """Write it. Control characters are shown as �: an error text must not move the cursor."""
        head = f"{utc_text(alert.time_ns)} {alert.level:<7} {alert.title}: {alert.text}".rstrip(": ")
        lines = [_printable(line) for line in head.splitlines()]
        sys.stderr.write("\n    ".join(lines) + "\n")
        sys.stderr.flush()

    def close(self) -> None:
        """Nothing to close."""


def _printable(line: str) -> str:
    return "".join(c if c.isprintable() or c == "\t" else "\N{REPLACEMENT CHARACTER}" for c in line)
