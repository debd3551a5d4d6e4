"""``quantsail run FILE``, and the same verb under the name of each installed runner."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from quantsail_framework.cli.check import pipeline_options
from quantsail_framework.cli.output import print_json, progress_bar

if TYPE_CHECKING:
    from quantsail_framework.domain.result import RunResult
    from quantsail_framework.plugins import Registry
    from quantsail_framework.ports.reporter import Reporter
    from quantsail_framework.ports.runner import Pipeline

CONSOLE = "console"  # the reporter that shows a result when the pipeline names none
_SUMMARY = ("total_trades", "total_net_pnl", "total_return", "max_drawdown", "final_equity")


def _not_empty(_ctx: click.Context, _parameter: click.Parameter, value: Path | None) -> Path | None:
    if value is not None and value == Path():
        raise click.UsageError("--out names the run folder to write, such as --out runs/first", _ctx)
    return value


def _with_options(function: Callable[..., None]) -> Callable[..., None]:
    """The options of every verb that runs a pipeline."""
    for option in (
        click.option("--quiet", is_flag=True, help="Print the run folder and nothing else."),
        click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else."),
        click.option(
            "--out",
            type=click.Path(path_type=Path),
            callback=_not_empty,
            help="Run folder to write; default: one in runs/.",
        ),
        pipeline_options,
    ):
        function = option(function)
    return function


@click.command()
@_with_options
@click.option("--runner", help="Use this runner instead of the one that the file names.")
def run(**options: Any) -> None:
    """Run a pipeline file with its runner, or another."""
    _run(**options)


def runner_command(name: str, summary: str) -> click.Command:
    """The verb of an installed runner: ``run`` with that runner."""

    def command(**options: Any) -> None:
        _run(runner=name, **options)

    return click.command(name, help=summary)(_with_options(command))


def _run(
    *,
    file: Path,
    runner: str | None,
    out: Path | None,
    sets: Sequence[str],
    profile: str | None,
    as_json: bool,
    quiet: bool,
    block: Sequence[str],
) -> None:
    from quantsail_framework import session
    from quantsail_framework.config import parse_overrides, registry_for, resolve
    from quantsail_framework.config.assemble import assemble

    overrides = parse_overrides(sets)
    with _stdout_for(as_json=as_json, quiet=quiet), progress_bar(shown=not quiet) as progress:
        resolved = resolve(file, profile=profile, overrides=overrides, told_as="--set")
        registry = registry_for(resolved, block)
        pipeline = assemble(resolved, registry, runner=runner)
        pipeline, reporters = _with_reporters(pipeline, registry, silent=as_json or quiet)
        place: dict[str, Any] = {"out": out, "keep": out is None}
        gc.freeze()  # what start-up made stays anyway
        gc.enable()
        result = session.run(pipeline, runner=runner, registry=registry, report=True, progress=progress, **place)
    _print(result, reporters, as_json=as_json, quiet=quiet)


@contextmanager
def _stdout_for(*, as_json: bool, quiet: bool) -> Iterator[None]:
    """Keep stdout for our own answer: with --json others print to stderr, with --quiet nowhere."""
    if quiet:
        with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere):
            yield
    elif as_json:
        with redirect_stdout(sys.stderr):
            yield
    else:
        yield


def _with_reporters(pipeline: Pipeline, registry: Registry, *, silent: bool) -> tuple[Pipeline, list[str]]:
    """The reporters that the pipeline names, else the console; without the console when it must be silent."""
    import attrs

    named = [(item["use"], reporter) for item, reporter in zip(_items(pipeline), pipeline.reporters, strict=True)]
    if silent:
        named = [(name, reporter) for name, reporter in named if name != CONSOLE]
    elif not named:
        named = _console(registry)
    reporters = tuple(reporter for _, reporter in named)
    return attrs.evolve(pipeline, reporters=reporters), [name for name, _ in named]


def _items(pipeline: Pipeline) -> Sequence[Mapping[str, str]]:
    items: Sequence[Mapping[str, str]] = pipeline.resolved.get("reporters", ())
    return items


def _console(registry: Registry) -> list[tuple[str, Reporter]]:
    """The console reporter where one is installed."""
    from quantsail_framework.errors import PluginError, UnknownComponentError

    try:
        return [(CONSOLE, registry.load("reporter", CONSOLE)())]
    except UnknownComponentError:
        return []
    except PluginError as error:
        click.echo(f"warning: no summary: {error}", err=True)
        return []


def _print(result: RunResult, reporters: Sequence[str], *, as_json: bool, quiet: bool) -> None:
    from quantsail_framework.results import FOLDER_FACT, read_run

    folder = str(result.facts[FOLDER_FACT])
    if as_json:
        stored = read_run(folder)
        about = {key: stored.manifest[key] for key in ("kind", "name", "verdict", "notes")}
        print_json({**about, "folder": folder, "metrics": stored.metrics, "undefined": stored.undefined})
    elif quiet:
        click.echo(folder)
    elif CONSOLE not in reporters:  # which ends with the folder
        if not reporters:
            _summarise(result)
        click.echo(f"run folder: {folder}")


def _summarise(result: RunResult) -> None:
    """What is left to say without a reporter."""
    click.echo(f"{result.kind} {result.name}" + (f": {result.verdict}" if result.verdict else ""))
    for name in _SUMMARY:
        if name in result.metrics:
            click.echo(f"  {name:<14} {result.metrics[name]}")
    for note in result.notes:
        click.echo(f"  note: {note}")
