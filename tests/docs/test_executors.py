"""The page of executors: every example runs, to the same trials."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from quantsail_framework import load_pipeline, run
from quantsail_framework.plugins import load_registry
from tests.docs.test_costs_sizers_rules import first_block, section

REGISTRY = load_registry()
INSTALLED = REGISTRY.components("executor")
SHOWN = [
    "local",
    "dask",
    pytest.param(
        "ray",
        marks=[pytest.mark.slow, pytest.mark.skipif("ray" not in INSTALLED, reason="quantsail-ray is not installed")],
    ),
]


def pipeline_with(table: str, folder: Path) -> Any:
    file = folder / "pipeline.toml"
    file.write_text(first_block("executors.md").partition("[executor]")[0] + table, encoding="utf-8")
    return load_pipeline(file)


def test_every_executor_is_documented() -> None:
    assert [name for name in INSTALLED if not section("executors.md", name).strip()] == []


@pytest.mark.parametrize("name", SHOWN)
def test_the_example_of_an_executor_runs_to_the_same_trials(name: str, tmp_path: Path) -> None:
    (_, shown) = section("executors.md", name).split("```toml\n")
    result = run(pipeline_with(shown.partition("```")[0], tmp_path))
    here = run(pipeline_with('[executor]\nuse = "local"\nworkers = 1\n', tmp_path))
    assert result.tables["trials"]["score"].tolist() == here.tables["trials"]["score"].tolist()
    assert result.facts["best"] == here.facts["best"] is not None
