"""The page of reporters: its pipeline leaves what it says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from quantsail_framework import load_pipeline, run

PAGE = (Path(__file__).parents[2] / "docs" / "components" / "reporters.md").read_text(encoding="utf-8")


def test_the_pipeline_of_the_page_prints_a_summary_and_writes_a_report(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (shown,) = re.findall(r"^```toml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    (tmp_path / "reported.toml").write_text(shown, encoding="utf-8")
    run(load_pipeline(tmp_path / "reported.toml"), out=tmp_path / "run", report=True)
    assert capsys.readouterr().out.startswith("reported (backtest)")
    assert "<h1>reported" in (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
