"""The random cases are worth running: everything that can happen does, and what must always hold holds."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings

from .markets import RULES, Case, build, cases, seeded
from .simulator import simulate
from .values import Outcome

SEEDS = range(800)
EXIT_REASONS = {"stop", "trailing_stop", "target", "signal", "time", "flatten", "ruin", "end_of_data"}
REFUSALS = {
    "gapped",
    "insufficient_cash",
    "invalid_levels",
    "sizer",
    "not_ready",
    "min_notional",
    "flattened",
    "ruin",
    "end_of_data",
}


@pytest.fixture(scope="module")
def outcomes() -> list[tuple[Case, Outcome]]:
    """All seeds, simulated once."""
    return [(case, simulate(case.markets, case.settings)) for case in map(seeded, SEEDS)]


def test_every_exit_reason_occurs(outcomes: list[tuple[Case, Outcome]]) -> None:
    counts = Counter(trade["exit_reason"] for _, outcome in outcomes for trade in outcome.trades)
    assert set(counts) == EXIT_REASONS
    assert min(counts.values()) >= 15, counts


def test_every_refusal_occurs(outcomes: list[tuple[Case, Outcome]]) -> None:
    counts = Counter(refusal["rule"] for _, outcome in outcomes for refusal in outcome.refusals)
    assert set(counts) == REFUSALS | set(RULES)
    assert min(counts.values()) >= 10, counts


def test_every_kind_of_trade_occurs(outcomes: list[tuple[Case, Outcome]]) -> None:
    trades = [trade for _, outcome in outcomes for trade in outcome.trades]
    kinds = Counter((trade["side"], trade["bound_by"]) for trade in trades)
    assert len(kinds) == 6
    assert min(kinds.values()) >= 20, kinds
    assert sum(trade["ambiguous"] for trade in trades) >= 20
    assert sum(trade["entry_time"] == trade["exit_time"] for trade in trades) >= 20
    late = [
        trade["entry_time"] - trade["signal_time"] > case.settings.timeframe
        for case, outcome in outcomes
        for trade in outcome.trades
    ]
    assert sum(late) >= 20


def test_a_seed_is_a_case() -> None:
    assert seeded(7).markets == seeded(7).markets
    assert seeded(7).recipe != seeded(8).recipe


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(cases())
def test_what_always_holds(case: Case) -> None:
    outcome = simulate(case.markets, case.settings)
    assert outcome.equity[-1]["equity"] == outcome.equity[-1]["cash"] == outcome.final_cash
    assert outcome.equity[-1]["exposure"] == 0.0
    assert [trade["exit_time"] for trade in outcome.trades] == sorted(trade["exit_time"] for trade in outcome.trades)
    for trade in outcome.trades:
        assert trade["signal_time"] < trade["entry_time"] <= trade["exit_time"]
        assert trade["mae"] >= 0.0
        assert trade["mfe"] >= 0.0
        assert trade["quantity"] > 0.0
    for market in case.markets:
        own = [trade for trade in outcome.trades if trade["symbol"] == market.symbol]
        assert all(later["signal_time"] >= earlier["exit_time"] for earlier, later in pairwise(own))


def test_fewer_bars_leave_the_rest_of_a_case_as_it_was() -> None:
    recipe = replace(seeded(3).recipe, calendar="same", bars=50)
    whole, part = build(recipe).markets[0], build(replace(recipe, bars=20)).markets[0]
    assert part.close == whole.close[:20]
    assert part.entry == whole.entry[:20]
