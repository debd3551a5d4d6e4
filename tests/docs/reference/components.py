"""Tables of components: their options, the keys of the pipeline file, the kinds, the directory of plugins."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from importlib.metadata import metadata
from pathlib import Path
from typing import Any

from quantsail_framework import testing
from quantsail_framework.cli.output import toml_text
from quantsail_framework.config import Option, options_of
from quantsail_framework.config.tables import AlertsTable, DataTable, PipelineTable, PluginsTable
from quantsail_framework.config.tree import COMPONENT_LISTS, COMPONENT_TABLES
from quantsail_framework.hookspecs import KINDS
from quantsail_framework.plugins import Registered, load_registry

ROOT = Path(__file__).parents[3]
DOCS = ROOT / "docs"
# The plugins of this workspace: what else is installed has no place on our pages.
NAMES = sorted(path.name.removeprefix("quantsail-") for path in (ROOT / "plugins").glob("*-*"))
REGISTRY = load_registry(only=NAMES)
MISSING = sorted(set(NAMES) - {plugin.name for plugin in REGISTRY.plugins if plugin.status != "blocked"})
TABLES: Mapping[str, type[Any]] = {
    "pipeline": PipelineTable,
    "data": DataTable,
    "alerts": AlertsTable,
    "plugins": PluginsTable,
}
_HEAD = "| option | type | default | meaning |\n| --- | --- | --- | --- |"


def row(option: Option) -> str:
    """An option as a row of its table."""
    kind = option.type_text if '"' in option.limits or not option.limits else f"{option.type_text}, {option.limits}"
    default = "not set" if option.default is None else f"`{toml_text(option.default)}`"
    doc = option.doc.replace("<", "&lt;")  # no HTML
    return f"| `{option.name}` | {kind} | {'required' if option.required else default} | {doc} |"


def options(kind: str, name: str) -> str:
    """The options of a component."""
    return _table(options_of(REGISTRY.load(kind, name)))


def keys(table: str) -> str:
    """The keys that the pipeline itself has in a table of its file."""
    return _table(options_of(TABLES[table])).replace("option", "key", 1)


def _table(found: tuple[Option, ...]) -> str:
    return "\n".join([_HEAD, *map(row, found)])


def page_of(kind: str) -> str:
    """The page of a kind of component, below ``docs``."""
    return f"components/{KINDS[kind].removeprefix('quantsail_').replace('_', '-')}.md"


def kinds() -> str:
    """Every kind: its hook, where a pipeline names it, its port, its contract suite, what is installed."""
    lines = ["| kind | hook | in the pipeline file | port | contract suite |", "| --- | --- | --- | --- | --- |"]
    return "\n".join([*lines, *map(_kind_row, KINDS)])


def _kind_row(kind: str) -> str:
    hook = f"[`{KINDS[kind]}`](#quantsail_framework.hookspecs.{KINDS[kind]})"
    title = kind.title().replace("-", "")
    suites = [f"`{name}`" for name in (f"{title}Contract", f"Bar{title}Contract") if name in testing.__all__]
    return f"| {kind.replace('-', ' ')} | {hook} | {_place(kind)} | {_port(kind)} | {', '.join(suites) or '-'} |"


def _place(kind: str) -> str:
    tables = {of: f"`[{table}]`" for table, of in COMPONENT_TABLES.items()}
    lists = {of: f"`[[{table}]]`" for table, of in COMPONENT_LISTS.items()}
    others = {
        "runner": "`[pipeline] runner`, `[NAME]`",
        "objective": "`objective.use` of a search",
        "broker": "options of a runner",
        "command": "none: `quantsail NAME`",
    }
    return {**tables, **lists, **others}[kind]


def _port(kind: str) -> str:
    module = kind.replace("-", "_")
    if kind == "command":
        return "a click command"
    port = kind.title().replace("-", "")
    importlib.import_module(f"quantsail_framework.ports.{module}")
    return f"[`{port}`](ports.md#quantsail_framework.ports.{module}.{port})"


def plugins() -> str:
    """Every installed distribution with its version, what it is and what it offers."""
    return "\n\n".join(_plugin(info.distribution) for info in REGISTRY.plugins)


def _plugin(distribution: str) -> str:
    found = metadata(distribution)
    offers = [offer for kind in KINDS for offer in REGISTRY.components(kind).values()]
    own = [offer for offer in offers if offer.plugin.distribution == distribution]
    lines = ["| component | kind | what it does |", "| --- | --- | --- |", *map(_offer_row, own)]
    return f"## {distribution}\n\n{found['Summary'].rstrip('.')}. Version {found['Version']}.\n\n" + "\n".join(lines)


def _offer_row(offer: Registered) -> str:
    network = " Needs the network." if offer.component.network else ""
    return f"| [`{offer.component.name}`]({_link(offer)}) | {offer.kind} | {offer.component.summary}{network} |"


def _link(offer: Registered) -> str:
    name = offer.component.name
    if offer.kind == "command":
        return f"reference/commands.md#quantsail-{name}"
    page = page_of(offer.kind)
    return f"{page}#{name}" if f"\n## {name}\n" in (DOCS / page).read_text(encoding="utf-8") else page
