"""What shows or writes the result of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from quantsail_framework.domain.result import RunResult


class Reporter(Protocol):
    """Called once after each run, when the run folder is complete."""

    def write(self, result: RunResult, folder: Path | None) -> None:
        """Show the result, or write files into ``folder`` (None when the run keeps no folder)."""
        ...
