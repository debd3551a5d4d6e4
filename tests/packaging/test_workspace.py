"""The workspace names its plugins in several places, and pins what it installs: they must agree."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from quantsail_framework.hookspecs import KINDS
from quantsail_framework.plugins import load_registry

ROOT = Path(__file__).parents[2]
PLUGINS = sorted(path.name for path in (ROOT / "plugins").iterdir() if (path / "pyproject.toml").is_file())


def _toml(path: Path) -> dict[str, Any]:
    return tomllib.loads(path.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def root() -> dict[str, Any]:
    return _toml(ROOT / "pyproject.toml")


def test_the_standard_extra_names_every_first_party_plugin_but_the_large_one(root: dict[str, Any]) -> None:
    extras = root["project"]["optional-dependencies"]
    assert sorted(re.split(r"[><=~]", line)[0] for line in extras["standard"] + extras["ray"]) == PLUGINS
    assert [re.split(r"[><=~]", line)[0] for line in extras["ray"]] == ["quantsail-ray"]


def test_uv_takes_every_plugin_from_the_workspace(root: dict[str, Any]) -> None:
    assert set(root["tool"]["uv"]["sources"]) == {*PLUGINS, "quantsail-framework"}


def test_the_layer_contracts_know_every_plugin(root: dict[str, Any]) -> None:
    linter = root["tool"]["importlinter"]
    modules = {name.replace("-", "_") for name in PLUGINS}
    assert set(linter["root_packages"]) == {"quantsail_framework", *modules}
    independence = next(contract for contract in linter["contracts"] if contract["type"] == "independence")
    assert set(independence["modules"]) == modules
    core = next(
        contract for contract in linter["contracts"] if contract.get("source_modules") == ["quantsail_framework"]
    )
    assert modules <= set(core["forbidden_modules"])


def test_every_pin_is_exact(root: dict[str, Any]) -> None:
    pins = root["tool"]["uv"]["constraint-dependencies"] + root["tool"]["uv"]["build-constraint-dependencies"]
    loose = [pin for pin in pins if not re.fullmatch(r"[a-z0-9.-]+==[\w.]+( ; .+)?", pin)]
    assert loose == []


@pytest.mark.parametrize("name", PLUGINS)
def test_a_plugin_depends_on_the_core_and_on_no_other_plugin(name: str) -> None:
    project = _toml(ROOT / "plugins" / name / "pyproject.toml")["project"]
    own = [line for line in project["dependencies"] if line.startswith("quantsail-")]
    assert own == ["quantsail-framework~=0.1"]
    assert project["name"] == name
    assert project["entry-points"]["quantsail"] == {name.removeprefix("quantsail-"): name.replace("-", "_")}


@pytest.mark.parametrize("name", PLUGINS)
def test_a_plugin_has_a_readme_and_a_contract_test(name: str) -> None:
    folder = ROOT / "plugins" / name
    assert f"# {name}" in (folder / "README.md").read_text(encoding="utf-8")
    assert (folder / "tests" / "test_contract.py").is_file()


@pytest.mark.parametrize("name", PLUGINS)
def test_every_component_of_a_plugin_has_a_contract_test(name: str) -> None:
    tested = (ROOT / "plugins" / name / "tests" / "test_contract.py").read_text(encoding="utf-8")
    registry = load_registry()
    offers = [offer for kind in KINDS for offer in registry.components(kind).values() if kind != "command"]
    mine = [offer.component.name for offer in offers if offer.plugin.distribution == name]
    assert [component for component in mine if f'component = "{component}"' not in tested] == []


def test_the_readme_names_every_plugin() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [name for name in PLUGINS if f"plugins/{name}" not in text] == []
