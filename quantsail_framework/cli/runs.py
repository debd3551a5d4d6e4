"""``quantsail runs``: the run folders there are, and what is in one."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import click

from quantsail_framework.cli.output import figure_text, print_json, print_table
from quantsail_framework.errors import ResultsError

_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_ROOT = Path("runs")


@click.group()
def runs() -> None:
    """List and show run folders."""


@runs.command("list")
@click.option("--root", type=click.Path(path_type=Path), default=_ROOT, help="Where the folders are; default: runs.")
@_JSON
def list_(root: Path, as_json: bool) -> None:
    """List the run folders in a folder, oldest first."""
    from quantsail_framework.results import list_runs

    if root != _ROOT and not root.is_dir():
        raise ResultsError(f"no folder {str(root)!r}; --root names the folder that holds run folders")
    found = list_runs(root)
    if as_json:
        print_json([run._asdict() for run in found])
    elif not found:
        click.echo(f"no run folders in {str(root)!r}; `quantsail run FILE` writes one")
    else:
        rows = [
            (r.folder, r.kind, r.strategy, _moment(r.started), r.total_trades, _percent(r.total_return), r.verdict)
            for r in found
        ]
        print_table(("folder", "kind", "strategy", "started", "trades", "return", "verdict"), rows)


@runs.command()
@click.argument("folder", type=click.Path(path_type=Path))
@_JSON
def show(folder: Path, as_json: bool) -> None:
    """Show the manifest and the metrics of one run folder."""
    from quantsail_framework.results import read_run

    run = read_run(folder)
    if as_json:
        about = {"folder": str(folder), "manifest": run.manifest, "metrics": run.metrics}
        print_json({**about, "undefined": run.undefined, "tables": run.tables})
        return
    click.echo(f"{run.manifest['kind']} {run.manifest['name']}, started {_moment(run.manifest['times']['started'])}")
    plugins = ", ".join(f"{name} {version}" for name, version in run.manifest.get("plugins", {}).items())
    lines = {"verdict": run.manifest.get("verdict"), "plugins": plugins, "tables": ", ".join(run.tables)}
    for key, value in lines.items():
        if value:
            click.echo(f"{key}: {value}")
    for note in run.manifest.get("notes", ()):
        click.echo(f"note: {note}")
    click.echo()
    print_table(
        ("metric", "value"),
        [(name, _figure(run, name)) for name, value in run.metrics.items() if _flat(value)],
        prose=["value"],
    )


def _flat(value: Any) -> bool:
    return not isinstance(value, dict | list)


def _figure(run: Any, name: str) -> str:
    value = run.metrics[name]
    return f"none: {run.undefined.get(name, 'undefined')}" if value is None else figure_text(value)


def _moment(text: str) -> str:
    """A time of a manifest without the fraction of its second."""
    return re.sub(r"\.\d+", "", text)


def _percent(value: float | None) -> str | None:
    return None if value is None else f"{value:+.2%}"
