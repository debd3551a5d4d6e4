"""The page of runners: the options of each as they are, and a pipeline that runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from quantsail_framework import load_pipeline, run
from quantsail_framework.config import options_of
from quantsail_framework.plugins import load_registry
from tests.docs.test_costs_sizers_rules import row, section

RUNNERS = ("walk-forward",)


@pytest.mark.parametrize("name", RUNNERS)
def test_a_runner_is_documented_with_its_options(name: str) -> None:
    options = options_of(load_registry().load("runner", name))
    lines = section("runners.md", name).splitlines()
    assert [line for line in lines if line in map(row, options)] == [row(option) for option in options]


@pytest.mark.parametrize("name", RUNNERS)
def test_the_pipeline_of_a_runner_runs(name: str, tmp_path: Path) -> None:
    (text,) = re.findall(r"^```toml\n(.*?)^```", section("runners.md", name), re.MULTILINE | re.DOTALL)
    file = tmp_path / "pipeline.toml"
    file.write_text(text, encoding="utf-8")
    result = run(load_pipeline(file))
    assert result.kind == name
    assert result.verdict in ("pass", "fail")


def test_the_tables_and_metrics_of_a_walk_are_explained() -> None:
    text = section("runners.md", "walk-forward")
    result = run(load_pipeline(Path(__file__).parents[2] / "examples" / "walk-forward.toml"))
    own = list(result.metrics)[list(result.metrics).index("by_month") + 1 :]
    assert [name for name in (*own, *result.tables) if f"`{name}`" not in text] == []
