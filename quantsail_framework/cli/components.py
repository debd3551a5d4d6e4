"""``quantsail components``: what a pipeline file can name, and the options of each."""

from __future__ import annotations

from typing import Any

import click

from quantsail_framework.cli.output import print_json, print_table
from quantsail_framework.hookspecs import KINDS
from quantsail_framework.plugins import INSTALL_STANDARD, Registered, check_kind, load_registry

_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group()
def components() -> None:
    """List what pipelines can use, and its options."""


@components.command("list")
@click.argument("kind", required=False)
@_JSON
def list_(kind: str | None, as_json: bool) -> None:
    """List the components of every kind, or of one."""
    kinds = [check_kind(kind)] if kind else list(KINDS)
    registry = load_registry()
    offers = [offer for each in kinds for offer in registry.components(each).values()]
    if as_json:
        print_json([_plain(offer) for offer in offers])
    elif not offers:
        what = kind.replace("-", " ") if kind else "component"
        click.echo(f"no {what} is installed; {INSTALL_STANDARD} brings the first-party ones")
    else:
        rows = [(o.kind, o.component.name, o.plugin.distribution, o.component.summary) for o in offers]
        print_table(("kind", "name", "distribution", "summary"), rows)


@components.command()
@click.argument("kind")
@click.argument("name")
@_JSON
def show(kind: str, name: str, as_json: bool) -> None:
    """Show one component and its options."""
    from quantsail_framework.config import options_of

    registry = load_registry()
    offer = registry.get(kind, name)
    options = () if kind == "command" else options_of(registry.load(kind, name))
    if as_json:
        print_json({**_plain(offer), "options": [_option(option) for option in options]})
        return
    click.echo(f"{offer.component.name}: {offer.component.summary}")
    click.echo(f"{kind} of {offer.plugin.label}, class {offer.component.target}")
    click.echo()
    if options:
        rows = [(o.name, o.type_text, _default_text(o), o.limits or None, o.doc) for o in options]
        print_table(("option", "type", "default", "limits", "meaning"), rows)
    else:
        click.echo("no options")


def _plain(offer: Registered) -> dict[str, Any]:
    component = offer.component
    return {
        "kind": offer.kind,
        "name": component.name,
        "summary": component.summary,
        "target": component.target,
        "network": component.network,
        "plugin": offer.plugin.name,
        "distribution": offer.plugin.distribution,
        "version": offer.plugin.version,
    }


def _option(option: Any) -> dict[str, Any]:
    about = {"name": option.name, "type": option.type_text, "required": option.required}
    return {**about, "default": _plain_default(option), "limits": option.limits, "doc": option.doc}


def _plain_default(option: Any) -> Any:
    if option.required or option.default is None or isinstance(option.default, str | int | float | bool):
        return None if option.required else option.default
    return str(option.default)


def _default_text(option: Any) -> str:
    return "required" if option.required else str(option.default)
