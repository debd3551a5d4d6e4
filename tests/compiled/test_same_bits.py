"""The compiled loop comes to the same bits as the engine, whatever the market, the orders and the rules."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from math import inf
from typing import Any

import attrs
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from quantsail_framework import (
    LONG,
    Bars,
    Breach,
    CompiledCosts,
    CompiledRule,
    Costs,
    Market,
    Portfolio,
    Request,
    Signals,
)
from quantsail_framework.backtest import backtest
from quantsail_framework.compiled.choice import SWITCH
from quantsail_framework.compiled.forms import forms_of
from quantsail_framework.domain.timeframe import NS_PER_DAY, NS_PER_SECOND
from quantsail_framework.engine import MarketData, Simulation, simulate
from quantsail_framework.errors import ComponentError
from quantsail_framework.metrics import performance
from quantsail_framework.ports.runner import NamedRule, Pipeline
from tests.engine.pipelines import by_loop, prepared
from tests.engine.test_reference import assert_identical
from tests.reference.markets import Case, cases, seeded
from tests.reference.scenarios import SCENARIOS
from tests.reference.worked import A, B, account, long, market, short

NS_PER_MINUTE = 60 * NS_PER_SECOND
FORMED = {"profitability-gate", "max-concurrent-positions", "max-daily-trades", "max-daily-loss", "max-exposure"}
WITHOUT_FORM = {"include_open", "action"}  # options of these rules
COSTS = ("basis-points", {"fee_bps": 7.3, "spread_bps": 3.1, "slippage_bps": 1.7})
REASONS = {"stop", "trailing_stop", "target", "signal", "time", "end_of_data"}
REFUSALS = {"gapped", "insufficient_cash", "invalid_levels", "sizer", "min_notional", "end_of_data"} | FORMED


def formed(case: Case) -> Case:
    """The case with the costs and rules that have a compiled form, and those it has of them."""
    own = case.settings
    costs = own.costs if own.costs == ("binance-spot", {}) else COSTS
    rules = [
        (name, {key: value for key, value in options.items() if key not in WITHOUT_FORM})
        for name, options in own.rules
        if name in FORMED
    ] or [("max-concurrent-positions", {"limit": 1})]
    return replace(case, settings=replace(own, costs=costs, rules=rules, on_bar=None))


def looped(case: Case) -> Simulation | None:
    """The run by the loop, compared with the engine's; None where the loop has left it to the engine."""
    pipeline, data = prepared(case.markets, case.settings)
    plain = simulate(pipeline, data, both_touched=case.settings.both_touched)
    run = by_loop(pipeline, data, both_touched=case.settings.both_touched)
    if run is not None:
        assert_identical(plain, run)
        assert run.final_cash == plain.final_cash
        assert_facts_hold(run, plain, pipeline.capital, data.timeframe.ns)
    elif data.bars:
        ruined = {"ruin"} & ({*plain.trades["exit_reason"]} | {*plain.refusals["rule"]})
        assert ruined or plain.equity["equity"].min(initial=1.0) <= 0.0, case.recipe
    return run


def assert_facts_hold(run: Simulation, plain: Simulation, capital: float, timeframe_ns: int) -> None:
    """What the loop knows of its curve is what the metrics make of the engine's."""
    of_tables, of_facts = (
        performance(plain.trades, plain.equity, capital=capital, timeframe_ns=timeframe_ns, benchmark=None, known=known)
        for known in (None, run.curve)
    )
    assert of_facts == of_tables


@pytest.mark.parametrize("block", range(2))
def test_seeded_markets(block: int) -> None:
    reasons, refused, sides, drawn = Counter[str](), Counter[str](), Counter[str](), 0
    for seed in range(block * 600, block * 600 + 600):
        case = seeded(seed)
        if case.recipe.strategy == "bar":
            continue
        try:
            run = looped(formed(case))
        except Exception as error:
            error.add_note(f"seed {seed}: {case.recipe}")
            raise
        if run is not None:
            reasons.update(run.trades["exit_reason"])
            refused.update(run.refusals["rule"])
            drawn += run.curve is not None and run.curve.max_drawdown_duration_days > 0.0
            sides.update(run.trades["side"])
    assert set(reasons) == REASONS  # everything that can happen did
    assert set(refused) == REFUSALS
    assert min(sides["long"], sides["short"]) > 500
    assert drawn > 30


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(cases().filter(lambda case: case.recipe.strategy == "columns"))
def test_any_market(case: Case) -> None:
    looped(formed(case))


def test_a_ruined_account_is_left_to_the_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SWITCH, "make")
    (ruin,) = (each for each in SCENARIOS if each.name == "ruin_closes_at_that_close_and_refuses_entries")
    pipeline, data = prepared(ruin.markets, ruin.settings)
    assert forms_of(pipeline) is not None
    assert by_loop(pipeline, data) is None
    run = backtest(pipeline, data)
    assert_identical(run, simulate(pipeline, data))
    assert "ruin" in run.trades["exit_reason"]


def _endless(_numbers: Any, _side: float, quantity: float, price: float, _maker: bool) -> Any:
    return inf * quantity * price, 0.0, 0.0


@attrs.frozen
class EndlessCosts:
    """Costs that are no number, in either form."""

    def costs(self, side: int, quantity: float, price: float, liquidity: str, market: Market) -> Costs:
        return Costs(inf)

    def compiled(self) -> CompiledCosts:
        return CompiledCosts(_endless)


def test_what_a_component_may_not_answer_is_told_by_the_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SWITCH, "make")
    trading = next(each for each in SCENARIOS if each.trades)
    pipeline, data = prepared(trading.markets, account())
    pipeline = attrs.evolve(pipeline, costs=EndlessCosts())
    assert by_loop(pipeline, data) is None
    with pytest.raises(ComponentError, match="cost model EndlessCosts gave Costs"):
        backtest(pipeline, data)


@attrs.frozen(slots=False)
class OneBuffer:
    """Writes the entries of every symbol into the same array; more of them for each."""

    buffer: Any

    def signals(self, bars: Bars) -> Signals:
        self.buffer[:: 5 if bars.symbol == A else 2] = LONG
        return Signals(entry=self.buffer, stop=bars.close * 0.5, target=bars.close * 1.001, max_bars=1)


def test_a_strategy_may_use_its_array_again() -> None:
    closes = [100.0 + number % 7 for number in range(400)]
    markets = [market(A, closes, {1: long()}), market(B, closes, {1: long()})]
    pipeline, data = prepared(markets, account(rules=[("max-concurrent-positions", {"limit": 5})]))
    pipeline = attrs.evolve(pipeline, strategy=OneBuffer(np.zeros(len(closes), np.int8)))
    run = by_loop(pipeline, data)
    assert run is not None
    pipeline = attrs.evolve(pipeline, strategy=OneBuffer(np.zeros(len(closes), np.int8)))
    assert_identical(simulate(pipeline, data), run)
    assert 0 < list(run.trades["symbol"]).count(A) < list(run.trades["symbol"]).count(B)


def by_both(pipeline: Pipeline, data: MarketData) -> Simulation:
    """The run by the loop, which is that of the engine, and knows of its curve what the metrics find in it."""
    run, plain = by_loop(pipeline, data), simulate(pipeline, data)
    assert run is not None
    assert_identical(plain, run)
    assert_facts_hold(run, plain, pipeline.capital, data.timeframe.ns)
    return run


@pytest.mark.parametrize("seed", range(40))
def test_a_drawdown_counts_though_the_curve_comes_back_to_just_below_its_peak(seed: int) -> None:
    """A short without costs that leaves at its entry price restores the capital but for rounding; one that wins goes
    beyond it."""
    draw = np.random.default_rng(seed)
    price, capital = round(float(draw.uniform(80.0, 120.0)), 2), round(float(draw.uniform(1_005.0, 1_023.0)), 2)
    opens = [price, price, price * 1.1, price * 1.1, price, price, price, *[price * 0.9] * 5]
    bars = [(first, max(first, last), min(first, last), last) for first, last in pairwise([*opens, opens[-1]])]
    entry = short(price * 1.5, max_bars=3)
    run = by_both(*prepared([market(A, bars, {0: entry, 5: entry})], account(capital=capital)))
    assert run.curve is not None
    assert run.curve.max_drawdown > 0.005
    assert run.curve.max_drawdown_duration_days == pytest.approx(3 / 24)


def test_a_result_that_begins_inside_the_candles_has_the_facts_of_its_own_points() -> None:
    closes = [100.0 + number % 7 for number in range(400)]
    pipeline, data = prepared([market(A, closes, {k: long() for k in range(1, 390, 5)})], account())
    begins = attrs.evolve(data, start_ns=int(data.bars[A].time[150]))
    whole, part = by_both(pipeline, data), by_both(pipeline, begins)
    assert whole.curve is not None
    assert part.curve is not None
    assert len(part.equity["equity"]) == 250
    assert part.curve.exposure_time == np.count_nonzero(part.equity["exposure"]) / 250
    assert part.curve != whole.curve


def test_bars_from_before_1970_have_no_tripped_breaker() -> None:
    start = int(datetime(1962, 1, 2, tzinfo=UTC).timestamp()) * NS_PER_SECOND
    closes = [100.0, 101.0, 102.0, 103.0, 104.0, 105.0]
    times = [start + number * NS_PER_DAY for number in range(len(closes))]
    one = market(A, closes, {1: long()}, time=times)
    pipeline, data = prepared([one], account(timeframe=NS_PER_DAY, rules=[("max-daily-loss", {"limit": 20.0})]))
    run = by_loop(pipeline, data)
    assert run is not None
    assert_identical(simulate(pipeline, data), run)
    assert len(run.trades["symbol"]) == 1


def test_a_day_that_ends_before_it_begins_is_left_to_the_engine() -> None:
    """In 2010 St. John's put its clock back at one past midnight, into the day before."""
    start = int(datetime(2010, 11, 7, 2, 40, tzinfo=UTC).timestamp()) * NS_PER_SECOND
    times = [start + number * NS_PER_MINUTE for number in range(120)]
    one = market(A, [100.0] * 120, {2: long()}, time=times)
    pipeline, data = prepared([one], account(timeframe=NS_PER_MINUTE, zone="America/St_Johns"))
    assert forms_of(pipeline) is not None
    assert by_loop(pipeline, data) is None


def _never_enough(numbers: Any, _request: Any, account: Any) -> Any:
    return True, inf, account.equity


@attrs.frozen
class NeverEnough:
    """Refuses all, with a limit that is no number."""

    def check(self, request: Request, portfolio: Portfolio, market: Market) -> Breach:
        return Breach(self._text(inf, portfolio.equity), inf, portfolio.equity)

    def compiled(self) -> CompiledRule:
        return CompiledRule(_never_enough, (0.0,), self._text)

    def _text(self, limit: float, value: float) -> str:
        return f"limit {limit}, value {value}"


def test_the_words_of_a_refusal_have_the_limit_that_the_table_cannot_hold() -> None:
    trading = next(each for each in SCENARIOS if each.trades)
    pipeline, data = prepared(trading.markets, account())
    pipeline = attrs.evolve(pipeline, risk=(NamedRule("never", NeverEnough()),))
    run = by_loop(pipeline, data)
    assert run is not None
    assert_identical(simulate(pipeline, data), run)
    assert set(run.refusals["text"]) == {"limit inf, value 10000.0"}
