"""The reference itself: the worked scenarios, and what no table of trades shows."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
import talib

from .book import to_step
from .costs import atr_over_close, percentile
from .markets import build, seeded
from .scenarios import SCENARIOS
from .simulator import simulate
from .values import Paid
from .worked import HOUR, A, B, Scenario, account, at, long, market, refusal, short


def assert_rows(actual: list[dict[str, Any]], expected: list[dict[str, Any]]) -> None:
    """Every expected row is there, in order, with the columns that it names."""
    named = [{name: row[name] for name in wanted} for row, wanted in zip(actual, expected, strict=False)]
    assert [len(actual), *named] == [len(expected), *(_close(row) for row in expected)], actual


def _close(row: dict[str, Any]) -> dict[str, Any]:
    return {
        name: pytest.approx(value, rel=1e-9, abs=1e-9) if isinstance(value, float) else value
        for name, value in row.items()
    }


@pytest.mark.parametrize("scenario", SCENARIOS, ids=[scenario.name for scenario in SCENARIOS])
def test_scenario(scenario: Scenario) -> None:
    outcome = simulate(scenario.markets, scenario.settings)
    assert_rows(outcome.trades, scenario.trades)
    assert_rows(outcome.refusals, scenario.refusals)
    if scenario.final_cash is not None:
        assert outcome.final_cash == pytest.approx(scenario.final_cash, rel=1e-9)
    points = {point["time"]: point["equity"] for point in outcome.equity}
    for bar, equity in scenario.equity:
        assert points[at(bar)] == pytest.approx(equity, rel=1e-9)


def test_every_scenario_has_a_name_of_its_own() -> None:
    names = [scenario.name for scenario in SCENARIOS]
    assert len(names) == len(set(names))
    assert len(names) >= 40


def test_costs_see_only_bars_that_closed_before_the_fill_bar() -> None:
    asked: list[tuple[int, str, int]] = []

    def cost(_symbol: str, side: int, _quantity: float, _price: float, liquidity: str, index: int) -> Paid:
        asked.append((side, liquidity, index))
        return 0.0, 0.0, 0.0

    one = market(A, [100, 100, (100, 111, 100, 110), 110, 110, 110], {0: long(95.0, 110.0), 2: long(95.0)})
    simulate([one], account(costs=cost, rules=[("profitability-gate", {})]))
    assert asked == [
        (1, "taker", 0),  # the gate at the close of bar 0, both legs
        (-1, "maker", 0),
        (1, "taker", 0),  # entry in bar 1
        (-1, "maker", 1),  # target in bar 2
        (1, "taker", 2),  # entry in bar 3
        (-1, "taker", 4),  # end of data at the close of bar 5: still the fill bar
    ]


def test_ruin_costs_see_the_last_bar_of_a_symbol_without_one_now() -> None:
    asked: list[tuple[str, int]] = []

    def cost(symbol: str, side: int, _quantity: float, _price: float, _liquidity: str, index: int) -> Paid:
        if side == -1 and symbol == B:
            asked.append((symbol, index))
        return 0.0, 0.0, 0.0

    rising = market(A, [100, 100, (100, 400, 100, 400), 400], {0: short(200.0)}, volume=[1.0, 1.0, 0.0, 1.0])
    other = market(B, [100, 100, 100], {0: long(50.0)}, times=[0, 1, 3])
    simulate([rising, other], account(costs=cost, sizer={"max_position_pct_equity": 45.0}))
    assert asked == [(B, 1)]


def test_bar_strategy_sees_its_position_with_the_levels_in_force() -> None:
    seen: list[tuple[int, Any]] = []

    def on_bar(_symbol: str, index: int, position: dict[str, Any] | None) -> Any:
        seen.append((index, position and (position["side"], position["stop"], position["initial_stop"])))
        return ("enter", long(95.0, trail=3.0)) if index == 0 else None

    simulate([market(A, [100, 100, (100, 104, 100, 104), 104, 104])], account(on_bar=on_bar))
    # 100 - 3 = 97 after the entry bar, 104 - 3 = 101 after bar 2; the last bar has nothing left to decide.
    assert seen == [(0, None), (1, (1, 97.0, 95.0)), (2, (1, 101.0, 95.0)), (3, (1, 101.0, 95.0))]


def test_first_tradable_is_the_first_bar_that_may_decide() -> None:
    one = market(A, [100, 100, 100, 100], volume=[1.0, 1.0, 0.0, 1.0], first=2)
    late = market(B, [100, 100], times=[2, 3], first=5)
    outcome = simulate([one, late], account())
    assert outcome.first_tradable == {A: at(3), B: None}


def test_equity_has_a_point_at_every_open_time_of_any_symbol() -> None:
    outcome = simulate([market(A, [100, 100], times=[0, 4]), market(B, [50, 50], times=[1, 4])], account())
    assert [point["time"] for point in outcome.equity] == [at(0), at(1), at(4)]


def test_percentile_counts_the_latest_among_its_window() -> None:
    values = [None, 0.3, 0.1, 0.2]
    assert percentile(values, 3, 3) == pytest.approx(2 / 3)  # 0.1 and 0.2 of the three are <= 0.2
    assert percentile(values, 3, 2) == 1.0
    assert percentile(values, 2, 2) == 0.5  # 0.1 of 0.3, 0.1
    assert percentile(values, 3, 4) == 0.5  # too few
    assert percentile(values, -1, 2) == 0.5
    assert percentile(values, 3, 0) == 0.5


def test_atr_equals_the_library() -> None:
    one = build(replace(seeded(5).recipe, bars=100, calendar="same")).markets[0]
    high, low, close = (np.array(column) for column in (one.high, one.low, one.close))
    expected = talib.ATR(high, low, close, 14) / close
    actual = atr_over_close(one)
    assert [value is None for value in actual] == np.isnan(expected).tolist()
    np.testing.assert_allclose([value for value in actual if value is not None], expected[14:], rtol=1e-12)


@pytest.mark.parametrize(
    ("value", "step", "down", "up"),
    [
        (100.05, "0.1", 100.0, 100.1),
        (0.3, "0.1", 0.3, 0.3),  # 0.3 / 0.1 is 2.999... in floats
        (1.1, "0.1", 1.1, 1.1),
        (2.675, "0.01", 2.67, 2.68),
        (9.99, "0.25", 9.75, 10.0),
        (1e-7, "0.00000005", 1e-7, 1e-7),
    ],
)
def test_steps_are_exact(value: float, step: str, down: float, up: float) -> None:
    assert to_step(value, Decimal(step), up=False) == down
    assert to_step(value, Decimal(step), up=True) == up


def test_rules_stay_in_their_pipeline_order_when_several_trip() -> None:
    stopped = (100.0, 100.0, 94.0, 100.0)
    breaker = {"watches": "trades", "losses": 1, "duration": HOUR}
    rules = [("test-breaker-second", breaker), ("max-daily-loss", {"limit": 50.0})]
    one = market(A, [100, stopped, 100, 100, 100], {0: long(), 1: long(), 2: long()})
    outcome = simulate([one], account(rules=rules))
    # The breaker's hour is over at the close of bar 2, the day is not.
    assert_rows(outcome.refusals, [refusal(1, "test-breaker-second"), refusal(2, "max-daily-loss")])
