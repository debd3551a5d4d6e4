"""``quantsail check FILE``: every problem of a pipeline file at once, without touching its data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from quantsail_framework.cli.output import print_json


def pipeline_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """The file, and the options that say what lies over it."""
    for option in (
        click.option("--no-plugin", "block", multiple=True, metavar="NAME", help="Switch a plugin off."),
        click.option("--profile", help="Apply this profile of the pipeline file."),
        click.option("--set", "sets", multiple=True, metavar="K=V", help="Override one value."),
        click.argument("file", type=click.Path(path_type=Path)),
    ):
        function = option(function)
    return function


@click.command()
@pipeline_options
@click.option("--json", "as_json", is_flag=True, help="Print the problems as JSON.")
def check(file: Path, sets: Sequence[str], profile: str | None, block: Sequence[str], as_json: bool) -> None:
    """Check a pipeline file and name every problem.

    Every value, component and option is checked; the market data is not read.
    """
    from quantsail_framework.config import load_pipeline, parse_overrides
    from quantsail_framework.errors import InputError, PipelineError

    try:
        load_pipeline(file, profile=profile, overrides=parse_overrides(sets), told_as="--set", block=block)
    except InputError as error:
        if not as_json:
            raise
        problems = error.problems if isinstance(error, PipelineError) else (str(error),)
        print_json({"file": str(file), "ok": False, "problems": list(problems)})
        raise click.exceptions.Exit(error.exit_code) from error
    if as_json:
        print_json({"file": str(file), "ok": True, "problems": []})
    else:
        click.echo(f"{file}: no problems; the data is read when it runs")
