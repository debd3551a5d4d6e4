"""``quantsail new-plugin KIND NAME``: a complete plugin whose tests pass, to be changed into one's own."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from quantsail_framework.cli import VERBS
from quantsail_framework.errors import InputError
from quantsail_framework.scaffold import KINDS, new_plugin


@click.command("new-plugin", epilog=f"Kinds: {', '.join(KINDS)}.")
@click.argument("kind")
@click.argument("name")
@click.option(
    "--dir",
    "parent",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(),
    help="Folder to write into (default: this one).",
)
def command(kind: str, name: str, parent: Path) -> None:
    """Write a plugin of a KIND with a NAME: a distribution quantsail-NAME with tests that pass.

    NAME is lower-case words joined by hyphens. Nothing is overwritten, and nothing is fetched.
    """
    if kind in ("command", "runner") and name in VERBS:
        raise InputError(f"`quantsail {name}` is a command of Quantsail; choose another name")
    folder = new_plugin(kind, name, parent)
    click.echo(f"wrote {folder}; next:")
    for line in (f"cd {shlex.quote(str(folder))}", 'pip install -e ".[test]"', "pytest"):
        click.echo(f"  {line}")
