"""The pages of cost models, sizers and risk rules: an example that runs for every component."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from quantsail_framework import load_pipeline, run
from quantsail_framework.plugins import load_registry

PAGES = Path(__file__).parents[2] / "docs" / "components"
KINDS = {"cost-models.md": "cost-model", "sizers.md": "sizer", "risk-rules.md": "risk-rule"}
REGISTRY = load_registry()
COMPONENTS = [(page, name) for page, kind in KINDS.items() for name in REGISTRY.components(kind)]


_TOML = re.compile(r"^```toml\n(.*?)^```", re.MULTILINE | re.DOTALL)


def section(page: str, name: str) -> str:
    """What a page says below the heading of a component."""
    text = (PAGES / page).read_text(encoding="utf-8")
    found = re.search(rf"^## {re.escape(name)}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    assert found, f"{page} has no heading '## {name}'"
    return found[1]


def examples() -> list[Any]:
    """(page, component, example): every TOML block below the heading of a component."""
    return [
        pytest.param(page, name, text, id=f"{name}-{number}")
        for page, name in COMPONENTS
        for number, text in enumerate(_TOML.findall(section(page, name)))
    ]


def first_block(page: str) -> str:
    """The pipeline at the top of a page."""
    base: str = _TOML.findall((PAGES / page).read_text(encoding="utf-8"))[0]
    assert "[pipeline]" in base
    return base


def whole_pipeline(page: str, part: str) -> str:
    """The pipeline at the top of the page, with ``part`` in place of the table that it is about."""
    base = first_block(page)
    table = next(iter(tomllib.loads(part)))
    kept = re.split(r"^(?=\[)", base, flags=re.MULTILINE)
    return "".join(each for each in kept if not each.startswith((f"[{table}]", f"[[{table}]]"))) + part


@pytest.mark.parametrize(("page", "name", "text"), examples())
def test_the_example_of_a_component_runs(page: str, name: str, text: str, tmp_path: Path) -> None:
    file = tmp_path / "pipeline.toml"
    file.write_text(whole_pipeline(page, text), encoding="utf-8")
    pipeline = load_pipeline(file)
    used = [pipeline.resolved["costs"], pipeline.resolved["sizer"], *pipeline.resolved["risk"]]
    assert name in [table["use"] for table in used]
    assert len(run(pipeline).trades["symbol"]) > 10


def test_every_component_has_an_example() -> None:
    assert {param.values[1] for param in examples()} == {name for _, name in COMPONENTS}
