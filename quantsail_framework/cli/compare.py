"""``quantsail compare RUN RUN...``: figures side by side, what the runs were made from, and equity over one another."""

from __future__ import annotations

import shutil
import string
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from quantsail_framework.cli.inputs import KINDS, inputs, pipeline_values
from quantsail_framework.cli.output import figure_text, print_json, print_table, toml_text

if TYPE_CHECKING:
    from quantsail_framework.results import StoredRun

_LETTERS = string.ascii_uppercase
_PLAIN_WIDTH = 64  # columns of the chart when it is piped
_HASH_DIGITS = 12
_MARGIN = 12  # columns of a terminal that the labels of the chart take
_COLOURS = ("cyan", "magenta", "yellow", "green", "blue", "red")
_NOTHING = object()  # where a run does not have what another has

_Row = Sequence[Any]  # a value per run


@click.command()
@click.argument("folders", nargs=-1, metavar="RUN RUN...", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def compare(folders: Sequence[Path], as_json: bool) -> None:
    """Compare run folders: figures, inputs and equity.

    Each RUN is a run folder. Rows that differ are marked with a star.
    """
    from quantsail_framework.results import read_run

    if not 2 <= len(folders) <= len(_LETTERS):
        raise click.UsageError(f"compare takes from two to {len(_LETTERS)} run folders, got {len(folders)}")
    runs = dict(zip(_LETTERS, map(read_run, folders), strict=False))
    print_json(_document(runs)) if as_json else _print(runs)


def _document(runs: Mapping[str, StoredRun]) -> dict[str, Any]:
    """Every list has a value per run, null where it has none."""
    sections = {"metrics": _aligned(run.metrics for run in runs.values()), **_inputs(runs)}
    return {
        "runs": [{"run": letter, **_about(run)} for letter, run in runs.items()],
        "undefined": {letter: run.undefined for letter, run in runs.items()},
        **{
            name.replace(" ", "_"): {
                path: {"differs": _differs(row), "values": [None if value is _NOTHING else value for value in row]}
                for path, row in rows.items()
            }
            for name, rows in sections.items()
        },
    }


def _about(run: StoredRun) -> dict[str, Any]:
    manifest = run.manifest
    about = {key: manifest.get(key) for key in ("kind", "name", "verdict")}
    return {"folder": str(run.folder), **about, "started": manifest["times"].get("started")}


def _inputs(runs: Mapping[str, StoredRun]) -> dict[str, Mapping[str, _Row]]:
    manifests = [run.manifest for run in runs.values()]
    made_from = [inputs(manifest) for manifest in manifests]
    others = {many: _aligned(each[kind] for each in made_from) for kind, many in KINDS.items()}
    return {"pipeline": _aligned(map(pipeline_values, manifests)), **others}


def _aligned(values: Iterable[Mapping[str, Any]]) -> dict[str, _Row]:
    """By name the value of each run."""
    tables = list(values)
    names = dict.fromkeys(name for table in tables for name in table)
    return {name: [table.get(name, _NOTHING) for table in tables] for name in names}


def _differs(row: _Row) -> bool:
    return any(value != row[0] for value in row)


# --- text ----------------------------------------------------------------------------------------


def _print(runs: Mapping[str, StoredRun]) -> None:
    for letter, run in runs.items():
        verdict = run.manifest.get("verdict")
        told = f"{run.manifest['kind']} {run.manifest['name']}" + (f": {verdict}" if verdict else "")
        click.echo(f"{letter}  {run.folder}  ({told})")
    click.echo()
    _print_metrics(runs)
    for title, rows in _inputs(runs).items():
        _print_differences(title, rows, list(runs))
    _print_chart(runs)


def _print_metrics(runs: Mapping[str, StoredRun]) -> None:
    rows = _aligned(run.metrics for run in runs.values())
    shown = {name: row for name, row in rows.items() if not any(isinstance(value, dict | list) for value in row)}
    lines = [
        ("*" if _differs(row) else "", name, *(_cell(value, figure_text) for value in row))
        for name, row in shown.items()
    ]
    print_table(("", "metric", *runs), lines, bold=[number for number, line in enumerate(lines) if line[0]])
    reasons: dict[tuple[str, str], list[str]] = {}
    for letter, run in runs.items():
        for name, reason in run.undefined.items():
            if name in shown:
                reasons.setdefault((name, reason), []).append(letter)
    for (name, reason), letters in reasons.items():
        click.echo(f"{name} of {', '.join(letters)} is undefined: {reason}")


def _print_differences(title: str, rows: Mapping[str, _Row], letters: Sequence[str]) -> None:
    different = {name: row for name, row in rows.items() if _differs(row)}
    if not rows:
        return
    click.echo()
    if not different:
        click.echo(f"{title}: no difference")
        return
    click.echo(f"{title}:")
    text = _TEXTS.get(title, str)
    lines = [(name, *(_cell(value, text) for value in row)) for name, row in different.items()]
    print_table(("name", *letters), lines, prose=letters)


def _cell(value: Any, text: Callable[[Any], str]) -> str | None:
    return "" if value is _NOTHING else None if value is None else text(value)


def _hash(value: str) -> str:
    return f"sha256 {value[:_HASH_DIGITS]}"


_TEXTS: dict[str, Callable[[Any], str]] = {"pipeline": toml_text, "data": _hash, "local files": _hash}


def _print_chart(runs: Mapping[str, StoredRun]) -> None:
    from quantsail_framework.cli.chart import SHARED, Curve, chart

    on_terminal = sys.stdout.isatty()
    width = max(shutil.get_terminal_size().columns - _MARGIN, 20) if on_terminal else _PLAIN_WIDTH
    curves = [Curve(letter, *_change(run)) for letter, run in runs.items() if "equity" in run.tables]
    lines = chart(curves, width)
    if not lines:
        return
    click.echo(f"\nequity, change since the start ({SHARED} where runs meet):")
    if on_terminal:
        _print_coloured(lines, list(runs))
    else:
        click.echo("\n".join(lines))


def _change(run: StoredRun) -> tuple[Any, Any]:
    """Times, and equity as a change of the capital; of its first value where the manifest tells no capital."""
    equity, capital = run.table("equity"), run.manifest.get("capital")
    start = capital if isinstance(capital, int | float) else equity["equity"][:1]
    return equity["time"], equity["equity"] / start - 1.0


def _print_coloured(lines: Sequence[str], letters: Sequence[str]) -> None:
    """The chart on a terminal, each run in its colour; the words on its sides have none."""
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False)
    for line in lines:
        text = Text(line)
        for index, letter in enumerate(letters):
            text.highlight_regex(f"{letter}+", _COLOURS[index % len(_COLOURS)])
        console.print(text, soft_wrap=True)
