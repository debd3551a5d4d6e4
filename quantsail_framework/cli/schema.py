"""``quantsail schema``: the JSON Schema of pipeline files, for editors."""

from __future__ import annotations

from collections.abc import Sequence

import click

from quantsail_framework.cli.output import print_json


@click.command()
@click.option("--no-plugin", "block", multiple=True, metavar="NAME", help="Switch a plugin off.")
def schema(block: Sequence[str]) -> None:
    """Print the JSON Schema of pipeline files, for editors.

    It follows from the installed components. With an editor that reads TOML schemas, write it beside
    the pipeline (quantsail schema > pipeline.schema.json) and begin the file with
    "#:schema ./pipeline.schema.json".
    """
    from quantsail_framework.config import json_schema
    from quantsail_framework.plugins import load_registry

    print_json(json_schema(load_registry(block=block)))
