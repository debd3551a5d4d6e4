"""The page of run folders: its pipeline writes the files that the page names."""

from __future__ import annotations

import json
import re
from pathlib import Path

from quantsail_framework import load_pipeline, run

PAGE = Path(__file__).parents[2] / "docs" / "results.md"


def test_the_pipeline_of_the_page_writes_the_files_that_it_names(tmp_path: Path) -> None:
    text = PAGE.read_text(encoding="utf-8")
    (pipeline,) = re.findall(r"^```toml\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    (tmp_path / "exported.toml").write_text(pipeline, encoding="utf-8")
    result = run(load_pipeline(tmp_path / "exported.toml"), out=tmp_path / "run", report=True)
    for line in pipeline.splitlines():
        for name in re.findall(r"\w+\.(?:json|csv)\b", line.partition("#")[2]):
            assert (tmp_path / "run" / name).is_file(), name
    found = json.loads((tmp_path / "run" / "backtest_results.json").read_text(encoding="utf-8"))
    assert [f"`{key}`" for key in found if f"`{key}`" not in text] == []
    assert len(found["tables"]["trades"]) == len(result.trades["symbol"]) > 0
