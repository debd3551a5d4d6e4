"""The command ``quantsail``: its verbs by name and home, imported when used, and how it ends.

Exit codes: 0 done, 1 a failed run, 2 bad input, 130 stopped by the user. ``--help`` imports nothing
heavy, so what it says of each verb is kept here.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

import click

from quantsail_framework import __version__
from quantsail_framework.errors import InputError, QuantsailError

if TYPE_CHECKING:
    from quantsail_framework.plugins import Registered, Registry

DEBUG_VARIABLE = "QUANTSAIL_DEBUG"
_REGISTRY = "quantsail.registry"
_NO_ARGUMENTS: Any = getattr(click.exceptions, "NoArgsIsHelpError", ())  # click 8.1 shows the help by itself
# Verb to the command that it runs and the line that --help shows.
VERBS = {
    "run": ("quantsail_framework.cli.run:run", "Run a pipeline file with its runner, or another."),
    "check": ("quantsail_framework.cli.check:check", "Check a pipeline file and name every problem."),
    "check-strategy": (
        "quantsail_framework.cli.check_strategy:check_strategy",
        "Find look-ahead and a short warm-up in a strategy.",
    ),
    "show": ("quantsail_framework.cli.show:show", "Show the values that a pipeline file resolves to."),
    "init": ("quantsail_framework.cli.init:init", "Write a commented starter pipeline."),
    "schema": ("quantsail_framework.cli.schema:schema", "Print the JSON Schema of pipeline files, for editors."),
    "new-plugin": ("quantsail_framework.cli.new_plugin:command", "Write a new plugin whose tests pass, to begin with."),
    "components": ("quantsail_framework.cli.components:components", "List what pipelines can use, and its options."),
    "plugins": ("quantsail_framework.cli.plugins:plugins", "List the installed plugins and find what is wrong."),
    "runs": ("quantsail_framework.cli.runs:runs", "List and show run folders."),
    "compare": ("quantsail_framework.cli.compare:compare", "Compare run folders: figures, inputs and equity."),
    "reproduce": ("quantsail_framework.cli.reproduce:reproduce", "Run a manifest again and compare what comes out."),
    "why": ("quantsail_framework.cli.why:why", "Tell what a run decided at one bar, and why."),
    "alerts": ("quantsail_framework.cli.alerts:alerts", "Try the alert sinks of a pipeline file."),
}


# Commands of first-party plugins that may not be installed: no typing errors.
FIRST_PARTY_COMMANDS = ("data", "prometheus")


class Verbs(click.Group):
    """The verbs of the framework, each installed runner, and the commands that plugins bring."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every verb: the framework's, then runners, then plugins' commands."""
        return [*VERBS, *_runners(ctx), *_commands(ctx)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command of that name; the framework's own need no plugin."""
        if cmd_name in VERBS:
            module, _, attribute = VERBS[cmd_name][0].partition(":")
            command: click.Command = getattr(import_module(module), attribute)
            return command
        if cmd_name in _runners(ctx):
            from quantsail_framework.cli.run import runner_command

            return runner_command(cmd_name, _runners(ctx)[cmd_name].component.summary)
        return _plugin_command(ctx, cmd_name) if cmd_name in _commands(ctx) else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Name the nearest verb when there is none of that name."""
        name = args[0]
        command = self.get_command(ctx, name)
        if command is None and not name.startswith("-"):
            raise InputError(_unknown_verb(_registry(ctx), name, self.list_commands(ctx)))
        return (name, command, args[1:]) if command else super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the verbs from the map and from the descriptors, importing none of them."""
        _section(formatter, "Commands", {name: summary for name, (_, summary) in VERBS.items()})
        _section(formatter, "Runners", {name: r.component.summary for name, r in _runners(ctx).items()})
        _section(formatter, "Commands of plugins", {name: r.component.summary for name, r in _commands(ctx).items()})


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="quantsail %(version)s")
def verbs() -> None:
    """Algorithmic trading from one pipeline file: backtest it, judge it, run it."""


def main(args: Sequence[str] | None = None) -> None:
    """Run the command line and exit: 0 done, 1 failed run, 2 bad input, 130 stopped."""
    gc.disable()  # start-up makes no garbage worth its collections; `run` turns it on for the run itself
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a polite kill leaves nothing behind, as Ctrl-C does
    code = _exit_code(args)
    if gc.isenabled():
        gc.collect()  # what a run left may have finalisers
    gc.freeze()  # the end of the process needs no collection of all that is still there
    sys.exit(code)


def _exit_code(args: Sequence[str] | None) -> int:
    try:
        code = verbs.main(args, prog_name="quantsail", standalone_mode=False)
    except _NO_ARGUMENTS as error:
        error.show()
        return 2
    except click.Abort as stop:
        notes = getattr(stop.__cause__, "__notes__", None) or ["nothing was written"]
        click.echo(f"stopped; {'; '.join(notes)}", err=True)
        return 130
    except click.UsageError as error:
        where = f" (see `{error.ctx.command_path} --help`)" if error.ctx else ""
        return _complain(error, f"{error.format_message()}{where}", 2)
    except click.ClickException as error:
        return _complain(error, error.format_message(), 2)
    except QuantsailError as error:
        return _complain(error, str(error), error.exit_code)
    except Exception as error:  # noqa: BLE001 - the last resort: a crash still ends with one line and a code
        text = f"unexpected {type(error).__name__}: {error} ({DEBUG_VARIABLE}=1 shows where)"
        return _complain(error, text, 1)
    return code if isinstance(code, int) else 0


def _complain(error: BaseException, text: str, code: int) -> int:
    if os.environ.get(DEBUG_VARIABLE) == "1":
        import traceback

        traceback.print_exception(error)
    for line in text.splitlines():
        click.echo(f"error: {line}", err=True)
    for note in getattr(error, "__notes__", ()):
        click.echo(f"  {note}", err=True)
    return code


def _registry(ctx: click.Context) -> Registry:
    from quantsail_framework.plugins import load_registry

    meta = ctx.find_root().meta
    if _REGISTRY not in meta:
        meta[_REGISTRY] = load_registry()
    registry: Registry = meta[_REGISTRY]
    return registry


def _runners(ctx: click.Context) -> Mapping[str, Registered]:
    return {name: offer for name, offer in _registry(ctx).components("runner").items() if name not in VERBS}


def _commands(ctx: click.Context) -> Mapping[str, Registered]:
    taken = {*VERBS, *_runners(ctx)}
    return {name: offer for name, offer in _registry(ctx).components("command").items() if name not in taken}


def _plugin_command(ctx: click.Context, name: str) -> click.Command:
    from quantsail_framework.errors import PluginError
    from quantsail_framework.plugins import import_target

    registered = _registry(ctx).get("command", name)
    command = import_target(registered)
    if not isinstance(command, click.Command):
        target = registered.component.target
        raise PluginError(f"command {name!r} of {registered.plugin.label}: {target} is not a click command")
    return command


def _unknown_verb(registry: Registry, name: str, known: Sequence[str]) -> str:
    from quantsail_framework.plugins import INSTALL_STANDARD, did_you_mean

    reason = registry.why_not("runner", name) or registry.why_not("command", name)
    if reason:
        return f"no command named {name!r}: {reason}"
    text = f"no command named {name!r}{did_you_mean(name, known)} Commands: {', '.join(known)}."
    if name in FIRST_PARTY_COMMANDS:
        return f"{text} {INSTALL_STANDARD} brings {name}."
    return text if set(known) > set(VERBS) else f"{text} No runner is installed; {INSTALL_STANDARD} brings backtest."


def _section(formatter: click.HelpFormatter, title: str, rows: Mapping[str, str]) -> None:
    if rows:
        with formatter.section(title):
            formatter.write_dl(list(rows.items()))
