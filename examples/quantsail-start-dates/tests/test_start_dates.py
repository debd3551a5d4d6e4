"""`start-dates` on a market worked by hand: 200 bars up by 0.5 each, then 200 down, and a long entry every 20."""

from __future__ import annotations

import pytest
from quantsail_framework import RunResult
from quantsail_framework.backtest import backtest, result_of
from quantsail_framework.engine import load_market
from quantsail_framework.ports.runner import DataSpec, Pipeline
from quantsail_framework.testing import fakes, markets
from quantsail_framework.testing.examples import example_pipeline, example_session

from quantsail_start_dates.runner import StartDates

BARS = markets.of_closes([100.0 + 0.5 * step for step in (*range(200), *range(200, 0, -1))])
BAR_NS = BARS.timeframe.ns
SECOND_HALF_NS = markets.START_NS + 200 * BAR_NS


def pipeline(start_ns: int | None = None) -> Pipeline:
    """Stops and targets 5 % away, which a bar's range of 2 cannot touch both, and no costs."""
    return example_pipeline(
        data=DataSpec((BARS.symbol,), BARS.timeframe, start_ns),
        source=fakes.FakeSource({BARS.symbol: BARS}),
        strategy=fakes.FakeStrategy(every=20, distance=0.05),
        costs=fakes.FakeCosts(bps=0.0),
    )


def judged(starts: int = 2, min_profitable_pct: float = 50.0) -> RunResult:
    return StartDates(starts, 50.0, min_profitable_pct).run(pipeline(), example_session())


def test_the_way_up_won_and_the_way_down_lost() -> None:
    starts = judged().tables["starts"]
    assert starts["total_trades"].tolist() == [10, 10]
    assert (starts["total_return"] > 0.0).tolist() == [True, False]
    assert starts["max_drawdown"][0] == 0.0
    assert starts["max_drawdown"][1] == pytest.approx(-starts["total_return"][1])


def test_a_start_knows_nothing_of_what_was_traded_before_it() -> None:
    second = pipeline(SECOND_HALF_NS)
    data = load_market(second)
    alone = result_of("backtest", second, data, backtest(second, data)).metrics
    assert judged().tables["starts"]["total_return"][1] == alone["total_return"]


def test_starts_are_equally_far_apart_and_runs_equally_long() -> None:
    starts = judged(starts=3).tables["starts"]
    assert ((starts["start_time"] - markets.START_NS) // BAR_NS).tolist() == [0, 100, 200]
    assert ((starts["end_time"] - markets.START_NS) // BAR_NS).tolist() == [200, 300, 400]


@pytest.mark.parametrize(("min_profitable_pct", "verdict"), [(50.0, "pass"), (50.1, "fail")])
def test_the_verdict_compares_the_share_of_profitable_starts(min_profitable_pct: float, verdict: str) -> None:
    result = judged(min_profitable_pct=min_profitable_pct)
    assert (result.metrics["profitable_starts"], result.verdict) == (0.5, verdict)
    (criterion,) = result.facts["criteria"]
    assert criterion["passed"] is (verdict == "pass")


def test_the_result_itself_is_that_of_all_candles() -> None:
    result = judged()
    assert (len(result.equity["time"]), result.metrics["total_trades"]) == (400, len(result.trades["symbol"]))
    assert result.metrics["winners"] > 0
    assert result.metrics["losers"] > 0
