"""What is done with a plugin, a generated one or an example: its own tests, and a run of it among generated plugins."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from quantsail_framework import RunResult
from quantsail_framework.results import StoredRun, read_run
from quantsail_framework.scaffold import KINDS
from tests.authors.pages import PARTS, parts, tables
from tests.authors.workshop import ROOT, Workshop


def run_its_tests(shop: Workshop, folder: Path) -> None:
    """The plugin's own, which must pass."""
    tested = shop.python("-m", "pytest", "-q", "-p", "no:cacheprovider", cwd=folder)
    assert re.search(r"^\d+ passed", tested, re.MULTILINE), tested


def pipeline(made: Mapping[str, Path], kind: str, own: str | None = None) -> str:
    """A pipeline of generated plugins, nothing else being there, with one of ``kind`` among them.

    ``own`` is what it says of that one, else the words of the generated README.
    """
    said = parts(made)
    if kind not in said:
        said.pop(KINDS[kind].registers, None)  # a bar strategy stands in the place of the strategy
        said[kind] = tables(made[kind] / "README.md")
    if own is not None:
        said[kind] = own
    return "\n".join(said.values()).replace("[pipeline]\n", '[pipeline]\nname = "made"\ncapital = 10_000\n')


def install_with_parts(shop: Workshop, made: Mapping[str, Path], kind: str) -> None:
    """Beside a plugin of that kind: the generated ones that its pipeline needs."""
    shop.install_plugins([made[part] for part in PARTS if part != kind])


def run(shop: Workshop, desk: Path, text: str, *arguments: str, **environment: str) -> StoredRun:
    """Run a pipeline in the environment."""
    (desk / "made.toml").write_text(text, encoding="utf-8")
    shop.quantsail("run", "made.toml", "--out", "run", "--quiet", *arguments, cwd=desk, **environment)
    return read_run(desk / "run")


def trials_of(kind: str, made: Mapping[str, Path], shop: Workshop, desk: Path, said: str) -> RunResult:
    """A sweep by the first-party runner over the generated strategy; ``said`` is what its file says beside."""
    install_with_parts(shop, made, kind)
    shop.install_plugins([ROOT / "plugins" / "quantsail-sweep"])
    base = pipeline(made, "runner", '[pipeline]\nrunner = "sweep"\n')
    parameters = ("--set", "sweep.parameters.strategy.falls=[2,3,4]", "--set", "sweep.min_trades=1")
    result = run(shop, desk, f"{base}\n{said}", *parameters).result()
    assert sorted(result.tables["trials"]["strategy.falls"].tolist()) == [2, 3, 4]
    return result
