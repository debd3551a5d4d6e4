"""The reporter ``json``: everything of a result in one file, for programs that read no Parquet."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs

from quantsail_framework.domain.result import RunResult, Table, plain_rows
from quantsail_framework.results import FOLDER_FACT, plain_value

# A kind of result to the beginning of its file's name; of other kinds it is the kind itself.
_STEMS = {"replay": "backtest", "walk-forward": "wfa"}


@attrs.frozen
class JsonReporter:
    """Writes the result into the run folder as JSON: ``backtest_results.json`` of a backtest or a replay,
    ``wfa_results.json`` of a walk-forward, ``monte_carlo_results.json`` of a Monte Carlo, of others
    ``<kind>_results.json``.

    It holds kind, name, verdict, metrics, the reason of each undefined one, facts, notes, and every table as
    a list of records, one a line. Times are ISO 8601 in UTC; what is undefined or missing is null.
    """

    def write(self, result: RunResult, folder: Path | None) -> None:
        """Write the file; nothing without a folder."""
        if folder is None:
            return
        with (folder / file_name(result.kind)).open("w", encoding="utf-8", newline="\n") as file:
            file.writelines(_document(result))


def file_name(kind: str) -> str:
    """The name of the file for results of that kind."""
    stem = re.sub(r"[^A-Za-z0-9]+", "_", _STEMS.get(kind, kind)).strip("_") or "run"
    return f"{stem}_results.json"


def _document(result: RunResult) -> Iterator[str]:
    """The text in pieces: a table may have more rows than one text should hold."""
    facts = {name: value for name, value in result.facts.items() if name != FOLDER_FACT}  # of a machine, not of the run
    about = {
        "kind": result.kind,
        "name": result.name,
        "verdict": result.verdict,
        "metrics": result.metrics,
        "undefined": result.undefined,
        "facts": facts,
        "notes": result.notes,
    }
    yield json.dumps(plain_value(about, result.name), indent=2, ensure_ascii=False, allow_nan=False).removesuffix("\n}")
    yield ',\n  "tables": {'
    comma = ""
    for name, table in result.tables.items():
        yield f"{comma}\n    {_text(name)}: ["
        yield from _records(table)
        yield "]"
        comma = ","
    yield "\n  }\n}\n" if comma else "}\n}\n"


def _records(table: Table) -> Iterator[str]:
    comma = ""
    for row in plain_rows(table):
        yield f"{comma}\n      {_text(dict(zip(table, row, strict=True)))}"
        comma = ","
    if comma:
        yield "\n    "


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
