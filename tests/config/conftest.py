"""A working folder for pipeline files, and a registry that holds the parts of these tests alone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import pytest

from quantsail_framework.config import load_pipeline
from quantsail_framework.errors import PipelineError
from quantsail_framework.hookspecs import KINDS
from quantsail_framework.plugins import Registry, load_registry
from quantsail_framework.ports.runner import Pipeline
from tests.config.parts import Parts

MINIMAL = """\
[pipeline]
capital = 1000
[data]
use = "folder"
symbols = ["BNB/USDT"]
timeframe = "5m"
[strategy]
use = "trend"
[costs]
use = "flat"
[sizer]
use = "fixed"
"""


@pytest.fixture(scope="session")
def registry() -> Registry:
    """As where nothing else is installed."""
    loaded = load_registry(only=[], extra=[Parts()])
    offers = [offer for kind in KINDS for offer in loaded.components(kind).values()]
    return Registry([plugin for plugin in loaded.plugins if plugin.status == "ok"], offers)


@attrs.frozen
class Desk:
    """Writes pipeline files into the working folder and loads them with the parts of the tests."""

    folder: Path
    registry: Registry

    def write(self, text: str, name: str = "p.toml") -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return Path(name)

    def load(
        self,
        text: str = MINIMAL,
        sets: Mapping[str, Any] | None = None,
        env: Mapping[str, str] | None = None,
        **more: Any,
    ) -> Pipeline:
        more = {"told_as": "--set", "overrides": sets or {}, **more}
        return load_pipeline(self.write(text), registry=self.registry, environ=env or {}, **more)

    def problems(self, text: str = MINIMAL, **more: Any) -> list[str]:
        with pytest.raises(PipelineError) as caught:
            self.load(text, **more)
        return list(caught.value.problems)


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, registry: Registry) -> Desk:
    monkeypatch.chdir(tmp_path)
    return Desk(tmp_path, registry)


def changed(old: str, new: str) -> str:
    """The minimal pipeline with one text replaced."""
    assert MINIMAL.count(old) == 1, old
    return MINIMAL.replace(old, new)
