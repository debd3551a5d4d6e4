"""What a search's result says of luck: the same figures as the formulas give by hand, and both ends of doubt."""

from __future__ import annotations

from pathlib import Path

import attrs
import numpy as np
import pytest

from quantsail_framework import load_pipeline, run
from quantsail_framework.domain.result import RunResult
from quantsail_framework.metrics import (
    backtest_overfitting,
    deflated_sharpe,
    probabilistic_sharpe,
    sharpe_moments,
)
from quantsail_framework.search.luck import luck
from quantsail_framework.search.result import both_ends
from quantsail_framework.search.study import Study, Trial, daily_returns, make_study

FILE = """
[pipeline]
capital = 10_000
seed = 3
runner = "sweep"
[data]
use = "samples"
symbols = ["EUR/USD"]
timeframe = "1h"
[strategy]
use = "trend"
allow_short = true
[costs]
use = "basis-points"
fee_bps = 0.0
spread_bps = 0.1
slippage_bps = 0.0
[sizer]
use = "fixed-fractional"
[sweep.parameters]
strategy.lookback = [10, 20, 40]
strategy.stop_atr = [1.0, 2.0]
"""


@pytest.fixture(scope="module")
def pipeline_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("luck") / "pipeline.toml"
    file.write_text(FILE)
    return file


@pytest.fixture(scope="module")
def swept(pipeline_file: Path) -> RunResult:
    return run(load_pipeline(pipeline_file))


@pytest.fixture(scope="module")
def study(pipeline_file: Path) -> Study:
    return make_study(load_pipeline(pipeline_file), [])


@attrs.frozen
class LeastMonth:
    """An objective that reads a breakdown."""

    def score(self, result: RunResult) -> float | None:
        """What the worst month earned."""
        return min(float(month["total_net_pnl"]) for month in result.metrics["by_month"].values())


def test_an_objective_may_read_a_breakdown(study: Study) -> None:
    told = study.run({}).metrics["by_month"].values()
    trial = attrs.evolve(study, objective=LeastMonth()).try_({})
    assert trial.score == min(month["total_net_pnl"] for month in told)
    assert "by_month" not in trial.metrics


def test_the_figures_are_those_of_the_formulas(swept: RunResult, study: Study) -> None:
    """Each trial run alone, its daily returns put into the formulas."""
    table = swept.tables["trials"]
    paths = swept.facts["parameters"]
    alone = [study.run({path: table[path][row].item() for path in paths}) for row in range(6)]
    returns = [daily_returns(result, 10_000.0) for result in alone]
    moments = [sharpe_moments(each) for each in returns]
    chosen = moments[int(np.nanargmax(table["score"]))]
    sharpes = [each.sharpe for each in moments]
    assert swept.metrics["trials"] == 6
    assert swept.metrics["probabilistic_sharpe_ratio"] == pytest.approx(probabilistic_sharpe(chosen))
    assert swept.metrics["deflated_sharpe_ratio"] == pytest.approx(deflated_sharpe(chosen, 6, np.var(sharpes, ddof=1)))
    days = min(map(len, returns))
    matrix = np.column_stack([each[len(each) - days :] for each in returns])
    assert swept.metrics["probability_of_overfitting"] == backtest_overfitting(matrix).pbo
    net = np.sort(swept.trades["net_pnl"])
    assert swept.metrics["net_without_best_five"] == pytest.approx(net[:-5].sum())
    assert swept.metrics["best_five_share"] == pytest.approx(net[-5:].sum() / net.sum())


def test_luck_takes_away_from_the_best_of_many(swept: RunResult) -> None:
    assert 0.0 < swept.metrics["deflated_sharpe_ratio"] < swept.metrics["probabilistic_sharpe_ratio"] < 1.0


def test_the_intervals_hold_the_figures_and_come_out_again(swept: RunResult, pipeline_file: Path) -> None:
    intervals = swept.metrics["intervals_95"]
    for name in ("sharpe", "profit_factor", "win_rate", "volatility"):
        assert intervals[name]["low"] < swept.metrics[name] < intervals[name]["high"]
    assert run(load_pipeline(pipeline_file)).metrics["intervals_95"] == intervals
    other = run(load_pipeline(pipeline_file, overrides={"pipeline.seed": 4}))
    assert other.metrics["intervals_95"] != intervals


def test_one_trial_proves_nothing_about_the_search(study: Study) -> None:
    result = study.run({})
    trial = Trial({}, "ok", "", 1.0, {}, daily_returns(result, 10_000.0))
    metrics, undefined = luck(result, [trial], capital=10_000.0, seed=0)
    assert metrics["trials"] == 1
    for name in ("deflated_sharpe_ratio", "probability_of_overfitting"):
        assert (metrics[name], undefined[name]) == (None, "fewer than two trials came to a result")
    assert metrics["probabilistic_sharpe_ratio"] is not None


def test_without_a_trade_every_figure_says_why_there_is_none(study: Study) -> None:
    result = study.run({"strategy.adx_threshold": 100.0})
    assert not len(result.trades["symbol"])
    metrics, undefined = luck(
        result, [Trial({}, "ok", returns=daily_returns(result, 10_000.0))] * 3, capital=1e4, seed=0
    )
    missing = {name for name, value in metrics.items() if value is None}
    missing |= {f"intervals_95.{name}" for name, value in metrics["intervals_95"].items() if value is None}
    assert missing == set(undefined) >= {"probabilistic_sharpe_ratio", "best_five_share", "intervals_95.sharpe"}


def test_both_ends_of_an_ambiguous_bar(study: Study) -> None:
    """A bar that touches stop and target: the answer is worth the difference of the two."""
    wide = {"strategy.stop_atr": 0.2, "strategy.target_atr": 0.2}
    result = study.run(wide)
    assert result.metrics["ambiguous_trades"] > 0
    ends = both_ends(study, result, lambda other: other.run(wide))
    assert ends["total_return_stop_first"] == result.metrics["total_return"] < ends["total_return_target_first"]


def test_without_an_ambiguous_bar_both_ends_are_one(study: Study) -> None:
    far = {"strategy.stop_atr": 50.0, "strategy.target_atr": 50.0}
    result = study.run(far)
    assert result.metrics["ambiguous_trades"] == 0
    assert set(both_ends(study, result, lambda other: other.run(far)).values()) == {result.metrics["total_return"]}
