"""``quantsail components``: what a pipeline file can name, and the options of each."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import click

from quantsail_framework.cli.output import print_json, print_table, toml_text
from quantsail_framework.errors import PluginError
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
    """List the components of every kind, or of one.

    KIND is a kind of component (risk-rule) or the table that names it in a pipeline file (risk).
    """
    kind = _kind(kind) if kind else None
    kinds = [kind] if kind else list(KINDS)
    registry = load_registry()
    offers = [offer for each in kinds for offer in registry.components(each).values()]
    if as_json:
        print_json([_plain(offer) for offer in offers])
    elif not offers:
        what = kind.replace("-", " ") if kind else "component"
        unused = len([plugin for plugin in registry.plugins if plugin.status != "ok"])
        if unused:
            click.echo(f"no plugin that is in use offers a {what}; `quantsail plugins list` says why {unused} are not")
        else:
            click.echo(f"no {what} is installed; {INSTALL_STANDARD} brings the first-party ones")
    else:
        rows = [(o.kind, o.component.name, o.plugin.distribution, o.component.summary) for o in offers]
        print_table(("kind", "name", "distribution", "summary"), rows, prose=["summary"])


@components.command()
@click.argument("kind")
@click.argument("name")
@_JSON
def show(kind: str, name: str, as_json: bool) -> None:
    """Show one component and its options.

    KIND is a kind of component (strategy) or the table that names it in a pipeline file (risk); NAME
    also a class in a file of yours (my.py:MyStrategy).
    """
    kind = _kind(kind)
    about, title, options = _local(kind, name) if ".py:" in name else _installed(kind, name)
    if as_json:
        print_json({**about, "options": [_option(option) for option in options]})
        return
    click.echo(f"{about['name']}: {about['summary']}" if about["summary"] else about["name"])
    click.echo(title)
    click.echo()
    if options:
        rows = [(o.name, o.type_text, _default_text(o), o.limits or None, o.doc) for o in options]
        print_table(("option", "type", "default", "limits", "meaning"), rows, prose=["type", "limits", "meaning"])
    else:
        click.echo("no options")


_Shown = tuple[dict[str, Any], str, tuple[Any, ...]]  # about the component, a line that says whose it is, its options


def _installed(kind: str, name: str) -> _Shown:
    from quantsail_framework.config import options_of

    registry = load_registry()
    offer = registry.get(kind, name)
    options = () if kind == "command" else options_of(registry.load(kind, name))
    return _plain(offer), f"{kind} of {offer.plugin.label}, class {offer.component.target}", options


def _local(kind: str, use: str) -> _Shown:
    """A class of a file in or below the working directory."""
    from quantsail_framework.config import options_of
    from quantsail_framework.config.kinds import check_class
    from quantsail_framework.config.local import load_local

    file = use.rpartition(":")[0]
    if not Path(file).is_file():
        raise PluginError(f"there is no file {file} here; paths count from {Path.cwd()}")
    cls = load_local(use, Path.cwd())
    check_class(kind, cls)
    summary = inspect.cleandoc(vars(cls).get("__doc__") or "").partition("\n\n")[0].replace("\n", " ")
    about = {"kind": kind, "name": use, "summary": summary, "target": use}
    return about, f"{kind}, a class of a local file", options_of(cls)


def _kind(word: str) -> str:
    """The kind that a word means: its name, the plural of that, or the table of a pipeline file that holds one."""
    from quantsail_framework.config.tree import COMPONENT_LISTS, COMPONENT_TABLES

    plurals = {hook.removeprefix("quantsail_").replace("_", "-"): kind for kind, hook in KINDS.items()}
    return {**plurals, **COMPONENT_TABLES, **COMPONENT_LISTS}.get(word) or check_kind(word)


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
    return {**about, "default": option.default, "limits": option.limits, "doc": option.doc}


def _default_text(option: Any) -> str:
    if option.required:
        return "required"
    return "not set" if option.default is None else toml_text(option.default)
