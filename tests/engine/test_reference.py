"""Trade for trade: the engine against the independent simulator, and bar by bar, over random markets and rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from quantsail_framework.engine import Simulation
from tests.engine.pipelines import prepared, rows, run_every_way, run_rolling
from tests.reference.markets import Case, cases, seeded
from tests.reference.simulator import simulate
from tests.reference.values import Outcome

REFUSAL_COLUMNS = ("time", "symbol", "side", "rule", "price")
# Where limit and value mean the same in both; elsewhere the reference keeps none.
NUMBERED_RULES = {
    "gapped",
    "min_notional",
    "not_ready",
    "profitability-gate",
    "max-concurrent-positions",
    "max-daily-trades",
    "max-daily-loss",
    "max-exposure",
    "max-correlated-positions",
    "max-drawdown",
    "max-consecutive-losses",
    "stop-loss-guard",
    "cooldown",
    "daily-target",
    "volatility-spike",
}

PREPARING = ("binance_volatility", "volume", "composed")


def _equal(actual: Any, expected: Any) -> bool:
    if isinstance(expected, float) and actual is not None:
        return bool(abs(actual - expected) <= 1e-9 * max(1.0, abs(expected)))
    if expected is not None and expected != expected:
        return actual is None
    return bool(actual == expected)


def _compare(
    actual: Sequence[Mapping[str, Any]], expected: Sequence[Mapping[str, Any]], columns: Sequence[str]
) -> None:
    for k, (mine, theirs) in enumerate(zip(actual, expected, strict=False)):
        for name in columns:
            assert _equal(mine[name], theirs[name]), (k, name, mine, theirs)
    assert len(actual) == len(expected), (len(actual), len(expected))


def assert_same_as_reference(run: Simulation, outcome: Outcome) -> None:
    trades = rows(run.trades)
    _compare(trades, outcome.trades, list(run.trades))
    refusals = rows(run.refusals)
    _compare(refusals, outcome.refusals, REFUSAL_COLUMNS)
    for mine, theirs in zip(refusals, outcome.refusals, strict=True):
        if mine["rule"] in NUMBERED_RULES:
            _compare([mine], [theirs], ("limit", "value"))
    _compare(rows(run.equity), outcome.equity, ("time", "equity", "cash", "exposure"))
    assert _equal(run.final_cash, outcome.final_cash)


def assert_identical(one: Simulation, other: Simulation) -> None:
    """Every column of every table, to the last bit."""
    for name in ("trades", "equity", "refusals"):
        table, twin = getattr(one, name), getattr(other, name)
        for column in table:
            np.testing.assert_array_equal(table[column], twin[column], err_msg=f"{name}.{column}")


def assert_alike(once: Simulation, rolling: Simulation) -> None:
    """Equal in words and times, to 1e-9 in numbers."""
    for name in ("trades", "equity", "refusals"):
        table, twin = getattr(once, name), getattr(rolling, name)
        for column in table:
            if table[column].dtype == np.float64:
                np.testing.assert_allclose(
                    table[column], twin[column], rtol=1e-9, atol=1e-9, err_msg=f"{name}.{column}"
                )
            else:
                np.testing.assert_array_equal(table[column], twin[column], err_msg=f"{name}.{column}")


def check(case: Case) -> None:
    _, data = prepared(case.markets, case.settings)
    jumped, *others = run_every_way(case.markets, case.settings)
    outcome = simulate(case.markets, case.settings)
    assert {symbol: data.first_tradable_ns(symbol) for symbol in data.bars} == outcome.first_tradable
    assert_same_as_reference(jumped, outcome)
    for other in others:
        assert_identical(jumped, other)
    if case.recipe.costs not in PREPARING:  # these need more bars than the warm-ups of the cases have
        assert_alike(jumped, run_rolling(case.markets, case.settings))


@pytest.mark.parametrize("block", range(8))
def test_seeded_markets(block: int) -> None:
    for seed in range(block * 100, block * 100 + 100):
        case = seeded(seed)
        try:
            check(case)
        except Exception as error:
            error.add_note(f"seed {seed}: {case.recipe if hasattr(case, 'recipe') else ''}")
            raise


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(cases())
def test_any_market(case: Case) -> None:
    check(case)
