"""``quantsail plugins``: what is installed, what one plugin offers, and what is wrong."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from quantsail_framework.cli import VERBS
from quantsail_framework.cli.check_plugin import check
from quantsail_framework.cli.last_checks import in_words, last_check
from quantsail_framework.cli.output import print_json, print_table, toml_key, toml_text
from quantsail_framework.distributions import digest, origin
from quantsail_framework.errors import PluginError
from quantsail_framework.plugins import (
    INSTALL_STANDARD,
    PluginInfo,
    import_target,
    installed_plugins,
    load_class,
    load_registry,
    unknown_plugin,
)

if TYPE_CHECKING:
    from quantsail_framework.plugins import Registry

_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_NONE = f"no plugin is installed; {INSTALL_STANDARD} brings the first-party ones"


@click.group()
def plugins() -> None:
    """List the installed plugins and find what is wrong."""


plugins.add_command(check)


@plugins.command("list")
@_JSON
def list_(as_json: bool) -> None:
    """List the installed plugins from metadata alone: where from, whether used, what `plugins check` last found."""
    found = installed_plugins()
    checks = [last_check(plugin) for plugin in found]
    if as_json:
        print_json([{**_plain(plugin), "last_check": last} for plugin, last in zip(found, checks, strict=True)])
    elif not found:
        click.echo(_NONE)
    else:
        rows = [
            (
                plugin.name,
                plugin.distribution,
                plugin.version,
                origin(plugin.distribution),
                _enabled(plugin),
                in_words(plugin, last),
            )
            for plugin, last in zip(found, checks, strict=True)
        ]
        print_table(("name", "distribution", "version", "origin", "enabled", "last check"), rows, ["enabled"])


@plugins.command()
@click.argument("name")
@_JSON
def info(name: str, as_json: bool) -> None:
    """Show one plugin and the components that it offers.

    NAME is a plugin or its distribution.
    """
    registry = load_registry()
    found = [plugin for plugin in registry.plugins if plugin.is_called(name)]
    if not found:
        raise PluginError(unknown_plugin(name, [plugin.name for plugin in registry.plugins]))
    for plugin in found:
        about = {**_plain(plugin), **_about(plugin), "components": _offered(registry, plugin)}
        print_json(about) if as_json else _print_info(about)


@plugins.command()
@_JSON
@click.pass_context
def doctor(ctx: click.Context, as_json: bool) -> None:
    """Load every plugin, import every component, and say what is wrong. Exits 1 when something is."""
    registry = load_registry()
    problems = [*registry.problems, *_hidden_verbs(registry), *_broken_targets(registry)]
    if as_json:
        print_json({"plugins": [_plain(plugin) for plugin in registry.plugins], "problems": problems})
    elif problems:
        for problem in problems:
            click.echo(f"problem: {problem}")
    elif not registry.plugins:
        click.echo(_NONE)
    else:
        loaded = [plugin for plugin in registry.plugins if plugin.status == "ok"]
        click.echo(f"{len(loaded)} plugins, {len(registry.offers())} components: no problem found")
    ctx.exit(1 if problems else 0)


@plugins.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
def pin(names: Sequence[str]) -> None:
    """Print [plugins.pins] for plugins as they are installed now; without names, for every enabled one.

    NAME is a plugin or its distribution. A plugin whose files changed since it was installed is refused; of an editable
    one the version alone is pinned.
    """
    found = installed_plugins()
    unknown = [name for name in names if not any(plugin.is_called(name) for plugin in found)]
    if unknown:
        raise PluginError(unknown_plugin(unknown[0], [plugin.name for plugin in found]))
    asked = [next(plugin for plugin in found if plugin.is_called(name)) for name in names]
    chosen = list(dict.fromkeys(asked)) or [plugin for plugin in found if plugin.status == "installed"]
    lines = [_pin_line(plugin) for plugin in chosen]
    click.echo("\n".join(["[plugins.pins]", *lines]))


def _pin_line(plugin: PluginInfo) -> str:
    if origin(plugin.distribution).startswith("editable"):
        return f"{toml_key(plugin.name)} = {toml_text(plugin.version)}  # editable: its files are not covered"
    return f"{toml_key(plugin.name)} = {toml_text(f'{plugin.version} {digest(plugin.distribution)}')}"


def _enabled(plugin: PluginInfo) -> str:
    """``yes``, or why not."""
    if plugin.status in ("installed", "ok"):
        return "yes"
    return f"no: {plugin.problem or f'left out by {plugin.left_out_by}'}"


def _plain(plugin: PluginInfo) -> dict[str, Any]:
    where = {"origin": origin(plugin.distribution), "enabled": plugin.status in ("installed", "ok")}
    return {**plugin._asdict(), **where}


def _about(plugin: PluginInfo) -> dict[str, str]:
    from importlib.metadata import metadata

    about = metadata(plugin.distribution)
    fields = {"summary": "Summary", "requires_python": "Requires-Python"}
    return {key: about[field] for key, field in fields.items() if field in about}


def _offered(registry: Registry, plugin: PluginInfo) -> list[dict[str, str]]:
    offers = [offer for offer in registry.offers() if offer.plugin == plugin]
    return [{"kind": o.kind, "name": o.component.name, "summary": o.component.summary} for o in offers]


def _print_info(about: dict[str, Any]) -> None:
    components = about.pop("components")
    for key, value in about.items():
        if value is not None:
            click.echo(f"{key.replace('_', ' ')}: {value}")
    if components:
        click.echo()
        print_table(
            ("kind", "component", "summary"), [tuple(component.values()) for component in components], ["summary"]
        )


def _hidden_verbs(registry: Registry) -> list[str]:
    """Runners and commands that cannot be called by their name because another verb has it."""
    runners, commands = registry.components("runner"), registry.components("command")
    hidden = [o for o in (*runners.values(), *commands.values()) if o.component.name in VERBS]
    hidden += [offer for name, offer in commands.items() if name in runners and name not in VERBS]
    return [f"{o.kind} {o.component.name!r} of {o.plugin.label} is hidden by another command" for o in hidden]


def _broken_targets(registry: Registry) -> list[str]:
    problems = []
    for offer in registry.offers():
        try:
            import_target(offer) if offer.kind == "command" else load_class(offer)
        except PluginError as error:
            problems.append(str(error))
    return problems
