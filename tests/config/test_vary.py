"""A pipeline with other options: the same words for errors as a file has, and the manifest shows what is in force."""

from __future__ import annotations

from pathlib import Path

import pytest

from quantsail_framework import load_pipeline
from quantsail_framework.config.vary import option_at, vary
from quantsail_framework.errors import PipelineError
from quantsail_framework.ports.runner import Pipeline

FILE = """
[pipeline]
capital = 10_000
[data]
use = "synthetic"
symbols = ["BTC/USDT"]
timeframe = "5m"
[strategy]
use = "trend"
[costs]
use = "composed"
models = [{ use = "basis-points", fee_bps = 10 }, { use = "volume-slippage", window = 50 }]
[sizer]
use = "fixed-fractional"
[[risk]]
use = "max-exposure"
pct = 50.0
[[risk]]
use = "max-daily-loss"
limit = 40.0
"""


@pytest.fixture
def pipeline(tmp_path: Path) -> Pipeline:
    file = tmp_path / "pipeline.toml"
    file.write_text(FILE)
    return load_pipeline(file)


CHANGES = {
    "strategy.atr_period": 20,
    "strategy.stop_atr": 3,
    "sizer.max_position_pct_equity": 5.0,
    "risk.max-exposure.pct": 75,
    "costs.models.volume-slippage.window": 80,
}


def test_every_path_of_set_reaches_its_option(pipeline: Pipeline, tmp_path: Path) -> None:
    varied, told = vary(pipeline, CHANGES), load_pipeline(tmp_path / "pipeline.toml", overrides=CHANGES)
    for part in ("strategy", "sizer", "risk", "costs"):
        assert getattr(varied, part) == getattr(told, part)
    assert varied.resolved == told.resolved
    assert {path: option_at(varied, path) for path in CHANGES} == CHANGES


def test_the_pipeline_itself_stays(pipeline: Pipeline) -> None:
    before = option_at(pipeline, "strategy.atr_period")
    vary(pipeline, CHANGES)
    assert option_at(pipeline, "strategy.atr_period") == before == 14
    assert pipeline.resolved["risk"][0]["pct"] == 50.0


def test_every_problem_is_told_with_its_path(pipeline: Pipeline) -> None:
    wrong = {
        "strategy.atr_perod": 14,
        "strategy.adx_period": 0,
        "sizer.cash_buffer_pct": "1",
        "risk.max-exposre.pct": 5,
        "costs.models.volume-slippage.windw": 5,
        "data.timeframe": "1h",
    }
    with pytest.raises(PipelineError) as caught:
        vary(pipeline, wrong)
    told = sorted(caught.value.problems)
    assert [line.partition(": ")[0] for line in told] == [
        "costs.models.volume-slippage.windw",
        "data",
        "risk.max-exposre",
        "sizer.cash_buffer_pct",
        "strategy.adx_period",
        "strategy.atr_perod",
    ]
    assert "did you mean atr_period?" in told[5]
    assert "did you mean max-exposure?" in told[2]
    assert told[3] == 'sizer.cash_buffer_pct: expects a number, got the text "1"; remove the quotes'
    assert told[1] == "data: cannot be varied; options of strategy, costs, sizer, risk can"
