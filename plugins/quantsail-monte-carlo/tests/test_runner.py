"""What the runner says: verdicts with their criteria, too few trades, seeds, and options that do not fit."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import pytest

from quantsail_framework import Costs, Market, RunResult
from quantsail_framework.backtest import result_of as backtest_result
from quantsail_framework.domain.order import Liquidity
from quantsail_framework.engine import load_market, simulate
from quantsail_framework.errors import ComponentError
from quantsail_framework.testing.examples import example_pipeline, example_session
from quantsail_framework.testing.fakes import FakeCosts, FakeStrategy
from quantsail_monte_carlo.runner import MonteCarloRunner

SMALL: dict[str, Any] = {"min_trades": 5, "draws": 200, "jitter_draws": 12, "cost_runs": 6, "price_paths": 6}
ALL = ("shuffle", "bootstrap", "parameter-jitter", "cost-jitter", "price-path", "random-entry")


def result_of(pipeline: Any = None, **options: Any) -> RunResult:
    return MonteCarloRunner(**(SMALL | options)).run(pipeline or example_pipeline(), example_session())


def criteria_of(result: RunResult) -> dict[str, tuple[float, float, bool]]:
    return {each["name"]: (each["value"], each["limit"], each["passed"]) for each in result.facts["criteria"]}


@attrs.frozen
class Spread:
    """A share of the notional as spread, for takers."""

    bps: float = 10.0

    def costs(self, side: int, quantity: float, price: float, liquidity: Liquidity, market: Market) -> Costs:
        return Costs(0.0, quantity * price * self.bps / 10_000 if liquidity == "taker" else 0.0)


@attrs.frozen
class Deaf(FakeStrategy):
    """Takes no notice of its parameter."""

    ignored: float = 5.0
    every: int = attrs.field(default=20, init=False)
    distance: float = attrs.field(default=0.005, init=False)
    warmup: int = attrs.field(default=0, init=False)


def test_every_test_has_its_draws_its_fan_and_its_figures() -> None:
    result = result_of(tests=ALL)
    names, counts = np.unique(result.tables["draws"]["test"].astype(str), return_counts=True)
    assert dict(zip(names.tolist(), counts.tolist(), strict=True)) == {
        "block-bootstrap": 200,
        "bootstrap": 200,
        "cost-jitter": 18,
        "parameter-jitter": 12,
        "price-path": 6,
        "random-entry": 200,
        "shuffle": 200,
    }
    levels = result.tables["draws"]["level"][result.tables["draws"]["test"] == "cost-jitter"]
    assert levels.tolist() == [1.0] * 6 + [1.5] * 6 + [2.0] * 6
    assert np.isnan(result.tables["draws"]["level"]).sum() == 818
    fan = result.tables["fan"]
    assert set(fan["test"]) == set(names) - {"random-entry"}
    assert len(set(zip(fan["test"], fan["step"].tolist(), strict=True))) == len(fan["step"])
    first = fan["step"] == 0
    assert all((fan[f"p{percent}"][first] == 1.0).all() for percent in (5, 25, 50, 75, 95))
    for name in ("random_entry_p_value", "price_path_p50_total_return", "cost_jitter_2.0_profitable_share"):
        assert result.metrics[name] is not None, name


def test_d085_the_trades_are_those_of_the_backtest_with_all_their_costs() -> None:
    result, pipeline = result_of(), example_pipeline()
    data = load_market(pipeline)
    backtest = backtest_result("backtest", pipeline, data, simulate(pipeline, data))
    for name, column in backtest.trades.items():
        assert repr(result.trades[name].tolist()) == repr(column.tolist()), name
    assert result.metrics.items() >= backtest.metrics.items()
    returns = backtest.trades["net_pnl"] / backtest.trades["equity_at_entry"]
    steps = result.tables["fan"]
    last = steps["p50"][(steps["test"] == "shuffle") & (steps["step"] == len(returns))]
    assert last == pytest.approx([np.prod(1.0 + returns)])


def test_d084k_all_four_tests_are_made_and_all_are_judged() -> None:
    result = result_of()
    assert list(criteria_of(result)) == [
        "shuffle_p95_max_drawdown",
        "jitter_profitable_share",
        "cost_jitter_1.5_profitable_share",
    ]
    assert result.facts["jittered"] == ["strategy.every", "strategy.distance", "strategy.warmup"]


def test_d086_one_seed_gives_one_result_and_another_gives_others() -> None:
    one, again, other = (result_of(example_pipeline(seed=seed, costs=Spread()), tests=ALL) for seed in (4, 4, 5))
    for name in ("fan", "draws"):
        same = {column: values.tobytes() for column, values in one.tables[name].items() if values.dtype != object}
        for column, content in same.items():
            assert again.tables[name][column].tobytes() == content, (name, column)
    assert repr(one.metrics) == repr(again.metrics)
    for test in ALL:
        assert drawn(one, test) != drawn(other, test), test


def drawn(result: RunResult, test: str) -> str:
    """What the draws of one test came to, NaN included."""
    table = result.tables["draws"]
    mine = table["test"] == test
    return repr([table[name][mine].tolist() for name in ("level", "total_return", "max_drawdown", "ruined")])


@pytest.mark.parametrize("test", ALL)
def test_a_test_draws_the_same_whichever_others_there_are(test: Any) -> None:
    pipeline = example_pipeline(costs=Spread())
    assert drawn(result_of(pipeline, tests=ALL), test) == drawn(result_of(pipeline, tests=(test,)), test)


def test_d091_too_few_trades_are_not_enough_data_and_no_pass() -> None:
    full = result_of(min_trades=5)
    for pipeline, said in ((example_pipeline(), "trades; the tests need 30"), (None, "0 trades; the tests need 30")):
        pipeline = pipeline or example_pipeline(strategy=FakeStrategy(every=0))
        result = result_of(pipeline, min_trades=30)
        assert result.verdict == "not_enough_data"
        assert said in result.undefined["bootstrap_p5_total_return"]
        assert any(said in note for note in result.notes)
        assert not any(passed for _, _, passed in criteria_of(result).values())
        assert list(criteria_of(result)) == list(criteria_of(full))
        assert set(full.metrics) == set(result.metrics)
        assert len(result.tables["draws"]["test"]) == 0


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"draws": 0}, "'draws' must be >= 1"),
        ({"jitter_draws": 0}, "'jitter_draws' must be >= 1"),
        ({"cost_runs": 0}, "'cost_runs' must be >= 1"),
        ({"min_trades": 0}, "'min_trades' must be >= 1"),
        ({"cost_levels": (1.0, 0.0)}, "'cost_levels' must be > 0"),
        ({"cost_levels": ()}, "cost_levels"),
        ({"cost_levels": (1.5, 1.5)}, "cost_levels names one twice: 1.5, 1.5"),
        ({"tests": ()}, "tests"),
        ({"tests": ("shuffle", "shuffle")}, "tests names one twice"),
        ({"max_drawdown_pct": 0.0}, "'max_drawdown_pct' must be > 0"),
        ({"jitter_pct": 100.0}, "'jitter_pct' must be < 100"),
    ],
)
def test_d092_what_cannot_be_drawn_is_refused(options: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        MonteCarloRunner(**options)


def test_d089_the_level_that_is_judged_is_an_option_and_one_of_the_levels() -> None:
    with pytest.raises(ValueError, match=r"cost_criterion_level 1.5 is not among cost_levels \(1.0, 2.0\); add it"):
        MonteCarloRunner(cost_levels=(1.0, 2.0))
    assert MonteCarloRunner(cost_levels=(1.0,), tests=("shuffle",))
    result = result_of(cost_levels=(1.0, 2.0), cost_criterion_level=2.0, tests=("cost-jitter",))
    assert list(criteria_of(result)) == ["cost_jitter_2.0_profitable_share"]
    # A whole number is the same level as the same number with a point.
    whole = result_of(cost_levels=(1, 2), cost_criterion_level=2, tests=("cost-jitter",))
    assert set(result.metrics) >= {"cost_jitter_1.0_profitable_share", "cost_jitter_2.0_profitable_share"}
    assert whole.metrics == result.metrics


def test_d094_limits_are_options_and_stand_in_the_result() -> None:
    drawdown = result_of(tests=("shuffle",)).metrics["shuffle_p95_max_drawdown"]
    assert 0.0 < drawdown < 0.2
    usual, strict = result_of(tests=("shuffle",)), result_of(tests=("shuffle",), max_drawdown_pct=drawdown * 100.0)
    assert criteria_of(usual) == {"shuffle_p95_max_drawdown": (drawdown, 0.2, True)}
    assert (usual.verdict, strict.verdict) == ("pass", "fail")  # the limit itself does not pass
    free, dear = (result_of(example_pipeline(costs=Spread(bps)), tests=("cost-jitter",)) for bps in (0.0, 100.0))
    gained = float(free.metrics["total_return"] > 0.0)
    assert criteria_of(free) == {"cost_jitter_1.5_profitable_share": (gained, 0.6, gained == 1.0)}
    assert criteria_of(dear) == {"cost_jitter_1.5_profitable_share": (0.0, 0.6, False)}
    assert dear.verdict == "fail"


def test_tests_without_a_limit_have_no_verdict() -> None:
    assert result_of(tests=("bootstrap", "random-entry", "price-path")).verdict is None


def test_a_strategy_that_ignores_its_parameter_comes_out_the_same_every_time() -> None:
    result = result_of(example_pipeline(strategy=Deaf()), tests=("parameter-jitter",))
    assert result.facts["jittered"] == ["strategy.ignored"]
    returns = result.tables["draws"]["total_return"]
    assert returns == pytest.approx(np.full(12, result.metrics["total_return"]), abs=1e-15)
    assert result.metrics["jitter_profitable_share"] == float(result.metrics["total_return"] > 0.0)


def test_without_spread_and_slippage_cost_jitter_changes_nothing() -> None:
    result = result_of(example_pipeline(costs=FakeCosts(20.0)), tests=("cost-jitter",))
    assert set(result.tables["draws"]["total_return"].tolist()) == {result.metrics["total_return"]}


def test_higher_levels_cost_more() -> None:
    result = result_of(example_pipeline(costs=Spread()), tests=("cost-jitter",))
    medians = [result.metrics[f"cost_jitter_{level}_p50_total_return"] for level in (1.0, 1.5, 2.0)]
    assert medians == sorted(medians, reverse=True)
    assert medians[0] == pytest.approx(result.metrics["total_return"], rel=0.1)
    assert result.metrics["cost_jitter_1.0_p95_total_return"] > result.metrics["cost_jitter_1.0_p5_total_return"]


def test_a_backtest_that_fails_is_told_and_is_not_profitable() -> None:
    result = result_of(example_pipeline(strategy=Moody()), tests=("parameter-jitter",))
    assert any("backtests failed, the first: " in note and "no mood" in note for note in result.notes)
    returns = result.tables["draws"]["total_return"]
    assert 0 < np.isnan(returns).sum() < 12
    assert result.metrics["jitter_profitable_share"] == np.mean(returns > 0.0)


def test_when_every_backtest_fails_there_is_no_figure_and_no_pass() -> None:
    broken = attrs.evolve(example_pipeline(), costs=Dear())
    result = result_of(broken, tests=("cost-jitter",))
    assert result.verdict == "fail"
    assert result.metrics["cost_jitter_1.5_profitable_share"] == 0.0
    assert result.undefined["cost_jitter_1.5_p50_total_return"] == "every run failed"
    assert len(result.tables["fan"]["step"]) == 0


@attrs.frozen
class Dear:
    """Takes spreads of whole numbers only."""

    def costs(self, side: int, quantity: float, price: float, liquidity: Liquidity, market: Market) -> Costs:
        return Costs(0.0, Whole(1.0))


class Whole(float):
    """A number that cannot be multiplied."""

    def __mul__(self, other: float) -> float:
        raise ComponentError("no whole number")


def test_a_long_draw_can_be_stopped() -> None:
    with pytest.raises(KeyboardInterrupt):
        MonteCarloRunner(**SMALL).run(example_pipeline(), example_session(cancelled=lambda: True))


@attrs.frozen
class Moody(FakeStrategy):
    """Breaks where its distance is above its default."""

    def signals(self, bars: Any) -> Any:
        if self.distance > 0.005:
            raise ComponentError("no mood for it")
        return super().signals(bars)
