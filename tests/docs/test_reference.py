"""What the code offers is on a page: components with their options, hooks, ports, keys, commands, metrics, columns."""

from __future__ import annotations

import importlib
import inspect
import json
import pkgutil
import re
from pathlib import Path
from typing import Any

import click
import pyarrow.parquet as pq
import pytest

import quantsail_framework
from quantsail_framework import hookspecs, load_pipeline, ports, run
from quantsail_framework.cli import verbs
from quantsail_framework.config import json_schema, options_of
from quantsail_framework.config.assemble import FIRST_PARTY_RUNNERS
from quantsail_framework.domain.trade import EXIT_REASONS
from tests.docs.blocks import PAGES, ROOT
from tests.docs.reference import metrics
from tests.docs.reference.components import DOCS, MISSING, REGISTRY, TABLES, page_of
from tests.docs.reference.regions import filled, named

pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"plugins are not installed: {', '.join(MISSING)}")
KINDS = [kind for kind in hookspecs.KINDS if kind != "command"]
COMPONENTS = [(kind, name) for kind in KINDS for name in REGISTRY.components(kind)]
REGIONS = [region for page in PAGES for region in named(page.read_text(encoding="utf-8"))]
_TYPES = {"string": "text", "double": "number", "bool": "true or false", "timestamp[ns, tz=UTC]": "time"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run folder of the quickstart."""
    found = tmp_path_factory.mktemp("runs") / "run"
    run(load_pipeline(ROOT / "examples" / "quickstart.toml"), out=found)
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_what_a_page_takes_from_the_code_is_up_to_date(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert text == filled(text), "run `make reference`"


@pytest.mark.parametrize(("kind", "name"), COMPONENTS)
def test_a_component_is_on_a_page_with_its_options(kind: str, name: str) -> None:
    options = options_of(REGISTRY.load(kind, name))
    region = f"options {kind} {name}"
    assert REGIONS.count(region) == bool(options), (
        f"put <!-- generated: {region} --> and <!-- end --> on docs/{page_of(kind)}, then run `make reference`"
    )
    assert [option.name for option in options if not option.doc] == []
    pages = [path.read_text(encoding="utf-8") for path in (DOCS / "components").glob("*.md")]
    assert any(f"\n## {name}\n" in text or region in text for text in pages)


def test_every_table_of_the_pipeline_and_every_generated_page_is_there() -> None:
    assert {f"keys {table}" for table in TABLES} <= set(REGIONS)
    assert {"kinds", "plugins", "commands", "metrics", "untested"} <= set(REGIONS)


def test_the_page_of_keys_names_every_table_that_the_schema_knows() -> None:
    text = (DOCS / "reference" / "configuration.md").read_text(encoding="utf-8")
    runners = REGISTRY.components("runner")
    tables = [name for name in json_schema(REGISTRY)["properties"] if name not in {*runners, *FIRST_PARTY_RUNNERS}]
    assert len(tables) > 8
    assert [name for name in tables if not re.search(rf"`\[*{name}(\.NAME)?\]*`", text)] == []


def _ports() -> list[Any]:
    """Every public class of the modules of ports."""
    names = (f"quantsail_framework.ports.{found.name}" for found in pkgutil.iter_modules(ports.__path__))
    classes = [each for name in names for each in vars(importlib.import_module(name)).values() if inspect.isclass(each)]
    own = [cls for cls in classes if cls.__module__.startswith("quantsail_framework.ports.") and cls.__name__[0] != "_"]
    return list(dict.fromkeys(own))


@pytest.mark.parametrize("port", _ports(), ids=lambda port: port.__name__)
def test_a_port_is_documented_with_each_of_its_methods(port: Any) -> None:
    page = (DOCS / "plugin-authors" / "ports.md").read_text(encoding="utf-8")
    assert f"::: {port.__module__}\n" in page
    assert port.__doc__
    functions = (getattr(value, "fget", value) for name, value in vars(port).items() if name[0] != "_")
    assert [each.__qualname__ for each in functions if inspect.isfunction(each) and not each.__doc__] == []


@pytest.mark.parametrize("name", [name for name in quantsail_framework.__all__ if name != "hookimpl"])
def test_a_name_that_authors_import_is_documented(name: str) -> None:
    module = getattr(getattr(quantsail_framework, name), "__module__", None)
    pages = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    assert module is None or f"::: {module}.{name}\n" in pages or f"::: {module}\n" in pages


def _commands(group: click.Group, context: click.Context, path: str) -> list[str]:
    found = []
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        found.append(f"{path} {name}")
        if isinstance(command, click.Group):
            found += _commands(command, click.Context(command, info_name=name, parent=context), f"{path} {name}")
    return found


def test_every_command_is_on_the_page_of_commands() -> None:
    text = (DOCS / "reference" / "commands.md").read_text(encoding="utf-8")
    found = _commands(verbs, click.Context(verbs, info_name="quantsail"), "quantsail")
    assert len(found) > 30
    assert [name for name in found if f"# {name}\n" not in text and f"`{name} FILE`" not in text] == []


def test_every_metric_of_a_run_is_explained(folder: Path) -> None:
    kept = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    explained = [name for group in metrics.GROUPS.values() for name in group]
    assert sorted([*explained, "undefined"]) == sorted(kept)


@pytest.mark.parametrize("table", ["trades", "equity", "refusals"])
def test_the_columns_of_a_table_are_documented_in_order_and_with_their_types(table: str, folder: Path) -> None:
    schema = pq.read_schema(folder / f"{table}.parquet")
    rows = re.findall(r"^\| `(\w+)` \| ([^|]+) \|", _section(f"{table}.parquet"), re.MULTILINE)
    assert rows == [(field.name, _TYPES[str(field.type)]) for field in schema]


def test_the_keys_of_the_manifest_are_documented_in_order(folder: Path) -> None:
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    assert re.findall(r"^\| `(\w+)` \|", _section("manifest.json"), re.MULTILINE) == list(manifest)
    assert [key for key in manifest["symbols"][0] if f"`{key}`" not in _section("manifest.json")] == []


def test_every_reason_for_an_exit_is_documented() -> None:
    assert [reason for reason in EXIT_REASONS if f"`{reason}`" not in _section("trades.parquet")] == []


def _section(title: str) -> str:
    text = (DOCS / "reference" / "results.md").read_text(encoding="utf-8")
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    assert found, title
    return found[1]
