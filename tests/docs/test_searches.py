"""The pages of runners and objectives: every example runs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from quantsail_framework import load_pipeline, run
from quantsail_framework.plugins import load_registry
from tests.docs.test_costs_sizers_rules import PAGES, first_block, section

REGISTRY = load_registry()
_BLOCK = re.compile(r"^```(toml|python)(?: title=\"[^\"]+\")?\n(.*?)^```", re.MULTILINE | re.DOTALL)
RUNNERS = re.findall(r"^## ([a-z-]+)\n", (PAGES / "runners.md").read_text(encoding="utf-8"), re.MULTILINE)


def blocks(text: str, language: str) -> list[str]:
    return [block for name, block in _BLOCK.findall(text) if name == language]


def base(page: str) -> str:
    """The pipeline at the top of a page, without the tables of its runner."""
    return first_block(page).partition("[sweep")[0]


def examples() -> list[Any]:
    return [
        pytest.param(name, text, id=f"{name}-{number}")
        for name in (*RUNNERS, "Executors")
        if name != "monte-carlo"  # no search: it has a page of tests of its own
        for number, text in enumerate(blocks(section("runners.md", name), "toml"))
    ]


@pytest.mark.parametrize(("name", "text"), examples())
def test_the_example_of_a_runner_runs(name: str, text: str, tmp_path: Path) -> None:
    file = tmp_path / "pipeline.toml"
    file.write_text(base("runners.md") + text, encoding="utf-8")
    result = run(load_pipeline(file, runner=name if name in RUNNERS else "sweep"))
    assert len(result.tables["trials"]["trial"]) >= 3
    if name == "walk-forward":
        assert result.verdict in ("pass", "fail")
    else:
        assert result.facts["best"] is not None


def test_the_searches_are_documented() -> None:
    assert {"sweep", "optuna", "walk-forward"} <= set(RUNNERS)


def test_the_tables_and_metrics_of_a_walk_are_explained() -> None:
    text = section("runners.md", "What a search leaves") + section("runners.md", "walk-forward")
    result = run(load_pipeline(PAGES.parents[1] / "examples" / "walk-forward.toml"))
    own = list(result.metrics)[list(result.metrics).index("by_month") + 1 :]
    assert [name for name in (*own, *result.tables) if f"`{name}`" not in text] == []


@pytest.mark.parametrize("name", REGISTRY.components("objective"))
def test_an_objective_is_documented_and_can_be_searched_for(name: str, tmp_path: Path) -> None:
    assert section("objectives.md", name).strip()
    file = tmp_path / "pipeline.toml"
    file.write_text(first_block("objectives.md"), encoding="utf-8")
    result = run(load_pipeline(file, overrides={"sweep.objective.use": name}))
    assert result.facts["objective"] == name
    assert result.facts["best"] is not None


def test_the_objective_of_the_page_works(tmp_path: Path) -> None:
    text = section("objectives.md", "An objective of your own")
    (score,), (table,) = blocks(text, "python"), blocks(text, "toml")
    (tmp_path / "my_score.py").write_text(score, encoding="utf-8")
    file = tmp_path / "pipeline.toml"
    file.write_text(base("objectives.md") + table, encoding="utf-8")
    result = run(load_pipeline(file))
    metrics = result.metrics
    assert max(result.tables["trials"]["score"]) == metrics["total_return"] - 1.5 * metrics["max_drawdown"]
