"""The reporter ``html``: one file that shows a run in any browser, and asks nobody for anything."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from quantsail_framework.domain.result import RunResult
from quantsail_framework.results import MANIFEST
from quantsail_html.page import page
from quantsail_html.run import Run

REPORT = "report.html"


@attrs.frozen
class HtmlReporter:
    """Writes ``report.html`` into the run folder; without a folder it does nothing.

    The file is the same for the same run: it holds neither clock nor folder. Configuration, versions and
    hashes come from the manifest of the folder.
    """

    def write(self, result: RunResult, folder: Path | None) -> None:
        """Write the report of ``result`` into ``folder``."""
        if folder is not None:
            text = page(Run(result, _manifest(result, folder)))
            (folder / REPORT).write_text(text, encoding="utf-8", newline="\n")


def _manifest(result: RunResult, folder: Path) -> Mapping[str, Any]:
    path = folder / MANIFEST
    if not path.is_file():
        return result.facts
    manifest: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return manifest
