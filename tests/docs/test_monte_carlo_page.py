"""The section of the runner monte-carlo: a pipeline that runs, every figure explained."""

from __future__ import annotations

import re
from pathlib import Path

from quantsail_framework import RunResult, load_pipeline, run
from tests.docs.test_costs_sizers_rules import section

TEXT = section("runners.md", "monte-carlo")


def _result(folder: Path) -> RunResult:
    (text,) = re.findall(r"^```toml\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
    file = folder / "pipeline.toml"
    file.write_text(text, encoding="utf-8")
    return run(load_pipeline(file, overrides={"monte-carlo.jitter_draws": 10, "monte-carlo.draws": 500}))


def test_its_pipeline_runs_and_every_table_and_metric_is_explained(tmp_path: Path) -> None:
    result = _result(tmp_path)
    assert result.verdict in ("pass", "fail")
    assert set(result.tables["fan"]["test"]) == set(result.tables["draws"]["test"]) - {"random-entry"}
    own = list(result.metrics)[list(result.metrics).index("by_month") + 1 :]
    tests = r"^(shuffle|bootstrap|block_bootstrap|jitter|cost_jitter_(1\.0|1\.5|2\.0)|price_path|random_entry)_"
    for name in own:
        assert f"`{name}`" in TEXT or f"`{re.sub(tests, '..._', name)}`" in TEXT, name
    assert [name for name in result.tables if f"`{name}`" not in TEXT] == []
    assert [name for name in result.tables["draws"] if f"`{name}`" not in TEXT] == []
    assert all(f"**`{test}`**" in TEXT for test in result.facts["tests"])
