"""Costs that add up, and costs by market: in a fill, in what they prepare, and in a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest

from quantsail_costs.basis_points import BasisPointsCosts
from quantsail_costs.composed import ComposedCosts
from quantsail_costs.per_symbol import PerSymbolCosts
from quantsail_costs.volume_slippage import VolumeSlippageCosts
from quantsail_framework import LONG, Bars, Costs, Market, load_pipeline
from quantsail_framework.engine import Simulation, load_market, replay, simulate
from quantsail_framework.ports.runner import Pipeline
from quantsail_framework.testing import markets
from quantsail_framework.testing.fakes import FakeMarket

CANDLES = markets.random_walk(2, 300)
FLAT, VOLUME = BasisPointsCosts(fee_bps=7.0, spread_bps=2.0, slippage_bps=1.0), VolumeSlippageCosts(window=20)
SLOW = VolumeSlippageCosts(window=120, fee_bps=1.0)


def cost(model: Any, bars: Bars = CANDLES, quantity: float = 30.0) -> Costs:
    costs: Costs = model.costs(LONG, quantity, 100.0, "taker", FakeMarket(bars, costs=model))
    return costs


def test_each_kind_of_cost_adds_up() -> None:
    # Of 3,000: 7 + 3 bps of fee = 3.0, half of 2 + 4 bps of spread = 0.9, 1 + 2 bps of slippage = 0.9.
    model = ComposedCosts((FLAT, BasisPointsCosts(fee_bps=3.0, spread_bps=4.0, slippage_bps=2.0)))
    assert tuple(cost(model)) == pytest.approx((3.0, 0.9, 0.9))


def test_d101_models_that_prepare_see_their_own_values() -> None:
    parts = [cost(model) for model in (SLOW, FLAT, VOLUME)]
    both = cost(ComposedCosts((SLOW, FLAT, VOLUME)))
    assert both.slippage == pytest.approx(sum(part.slippage for part in parts))
    assert both.fee == pytest.approx(sum(part.fee for part in parts))
    assert parts[0].slippage != parts[2].slippage


def test_a_composition_may_hold_another() -> None:
    inner = ComposedCosts((VOLUME, FLAT))
    assert cost(ComposedCosts((SLOW, inner))) == pytest.approx(cost(ComposedCosts((SLOW, VOLUME, FLAT))))


def test_the_warm_up_is_the_longest() -> None:
    assert ComposedCosts((VOLUME, SLOW, FLAT)).warmup == 120
    assert ComposedCosts((FLAT,)).warmup == 0
    assert PerSymbolCosts(FLAT, {"TEST/USDT": SLOW}).warmup == 120


def test_a_composition_needs_a_model() -> None:
    with pytest.raises(ValueError, match="Length of 'models' must be >= 1"):
        ComposedCosts(())


def test_a_part_sees_the_market_and_its_closed_bars() -> None:
    seen: list[Any] = []

    @attrs.frozen
    class Curious:
        def costs(self, side: int, quantity: float, price: float, liquidity: Any, market: Market) -> Costs:
            last = market.closed(market.symbol, 1).close[0]
            seen.append((market.symbol, market.symbols, market.now_ns, market.timeframe, last, market.prepared("x")))
            return Costs(0.0)

        def prepare(self, bars: Bars) -> Any:
            return bars.close

    whole = FakeMarket({"x": CANDLES, "y": CANDLES}, symbol="x", costs=ComposedCosts((Curious(),)))
    ComposedCosts((Curious(),)).costs(LONG, 1.0, 1.0, "maker", whole)
    last = CANDLES.close[-1]
    assert seen == [("x", ("x", "y"), whole.now_ns, CANDLES.timeframe, last, last)]


def test_d101_a_market_may_have_costs_of_its_own() -> None:
    model = PerSymbolCosts(FLAT, {"B/USDT": VOLUME})
    one, other = (attrs.evolve(CANDLES, symbol=name) for name in ("A/USDT", "B/USDT"))
    assert cost(model, one) == cost(FLAT)
    assert cost(model, other) == cost(VOLUME)


PIPELINE = """
[pipeline]
capital = 10_000
[data]
use = "synthetic"
symbols = ["A/USD", "B/USD"]
timeframe = "1h"
start = 2023-01-01
end = 2023-03-01
[strategy]
use = "trend"
allow_short = true
[sizer]
use = "fixed-fractional"
[costs]
{costs}
"""
BOTH = """use = "composed"
models = [
    { use = "binance-spot", vip_level = 1, stepped_slippage = false },
    { use = "volume-slippage", window = 50 },
]"""


def pipeline_with(tmp_path: Path, costs: str) -> Pipeline:
    file = tmp_path / "p.toml"
    file.write_text(PIPELINE.replace("{costs}", costs), encoding="utf-8")
    return load_pipeline(file)


def run(tmp_path: Path, costs: str) -> Simulation:
    pipeline = pipeline_with(tmp_path, costs)
    return simulate(pipeline, load_market(pipeline))


def test_a_run_books_the_sum_and_a_replay_books_the_same(tmp_path: Path) -> None:
    pipeline = pipeline_with(tmp_path, BOTH)
    data = load_market(pipeline)
    jumped, once, rolling = simulate(pipeline, data), replay(pipeline, data), replay(pipeline, data, feed="rolling")
    assert len(jumped.trades["fees"]) > 20
    np.testing.assert_array_equal(jumped.trades["slippage"], once.trades["slippage"])
    np.testing.assert_allclose(jumped.trades["slippage"], rolling.trades["slippage"], rtol=1e-9)
    fees = run(tmp_path, 'use = "binance-spot"\nvip_level = 1\nstepped_slippage = false')
    slippage = run(tmp_path, 'use = "volume-slippage"\nwindow = 50')
    # The first entry is of the same size in all three: nothing has been paid before it.
    (first,) = {int(np.argmin(each.trades["entry_time"])) for each in (jumped, fees, slippage)}
    assert jumped.trades["fees"][first] == pytest.approx(fees.trades["fees"][first])
    assert jumped.trades["spread"][first] == pytest.approx(fees.trades["spread"][first])
    assert jumped.trades["slippage"][first] == pytest.approx(slippage.trades["slippage"][first])
    assert jumped.trades["slippage"][first] > 0.0


def test_costs_by_symbol_in_a_run(tmp_path: Path) -> None:
    text = 'use = "per-symbol"\ndefault = { use = "basis-points", fee_bps = 1 }\n'
    text += '[costs.symbols]\n"B/USD" = { use = "basis-points", fee_bps = 20 }'
    trades = run(tmp_path, text).trades
    turnover = trades["quantity"] * (trades["entry_price"] + trades["exit_price"])
    rate = trades["fees"] / turnover
    assert set(trades["symbol"]) == {"A/USD", "B/USD"}
    np.testing.assert_allclose(rate, np.where(trades["symbol"] == "B/USD", 20e-4, 1e-4))
