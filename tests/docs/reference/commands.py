"""Every command with its arguments and options, as click has them."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import click

from quantsail_framework.cli import VERBS, verbs
from tests.docs.reference.components import REGISTRY


def commands() -> str:
    """A section for each command that is installed; the runners, which take what ``run`` takes, share one."""
    root = click.Context(verbs, info_name="quantsail")
    names = [name for name in (*VERBS, *REGISTRY.components("command")) if name not in _runners()]
    sections = [section for name in names for section in _sections(name, root)]
    return "\n\n".join([*sections, _runner_section()])


def _runners() -> dict[str, str]:
    found = REGISTRY.components("runner")
    return {name: offer.component.summary for name, offer in found.items() if name not in VERBS}


def _runner_section() -> str:
    rows = [f"| `quantsail {name} FILE` | {summary} |" for name, summary in _runners().items()]
    text = "Each installed runner is a command too. It takes the options of `quantsail run`, but for `--runner`."
    return "\n".join(["## The runners", "", text, "", "| command | what it does |", "| --- | --- |", *rows])


def _sections(name: str, parent: click.Context) -> Iterator[str]:
    """The section of a command, then those of its own commands."""
    command = parent.command.get_command(parent, name) if isinstance(parent.command, click.Group) else None
    assert command is not None, name
    context = click.Context(command, info_name=name, parent=parent)
    yield _section(command, context)
    if isinstance(command, click.Group):
        for below in command.list_commands(context):
            yield from _sections(below, context)


def _section(command: click.Command, context: click.Context) -> str:
    depth = context.command_path.count(" ")
    parts = [f"{'#' * (depth + 1)} {context.command_path}", inspect.cleandoc(command.help or "")]
    if not isinstance(command, click.Group):
        parts.append(f"`{context.command_path} {' '.join(command.collect_usage_pieces(context))}`")
    rows = [_row(*record) for record in _records(command, context)]
    if rows:
        parts.append("\n".join(["| option | meaning |", "| --- | --- |", *rows]))
    return "\n\n".join(parts)


def _records(command: click.Command, context: click.Context) -> list[tuple[str, str]]:
    found = [each.get_help_record(context) for each in command.params]
    return [record for record in found if record is not None and record[1]]


def _row(names: str, meaning: str) -> str:
    return f"| `{names.replace('|', ' or ')}` | {meaning.replace('|', chr(92) + '|')} |"
