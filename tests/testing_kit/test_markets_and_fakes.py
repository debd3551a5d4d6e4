"""Market makers give the shapes they promise; fakes show components what the engine would."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantsail_framework import Bars, Costs, RunResult, Timeframe
from quantsail_framework.causality import first_difference
from quantsail_framework.errors import DataError
from quantsail_framework.ports.data_source import BarRequest
from quantsail_framework.testing import fakes, markets
from quantsail_framework.testing.accounts import situations
from quantsail_framework.testing.examples import example_pipeline, example_result, example_session

MAKERS = [markets.trending, markets.ranging, markets.gapping, markets.crash, markets.random_walk]
HOUR_NS = 3_600_000_000_000


@given(maker=st.sampled_from(MAKERS), seed=st.integers(0, 10_000), size=st.integers(0, 500))
def test_made_bars_are_valid_and_repeat(maker: Callable[..., Bars], seed: int, size: int) -> None:
    bars = maker(seed, size)  # Bars refuses what is no candle
    assert len(bars) == size
    assert bars.content_hash == maker(seed, size).content_hash
    assert np.all(bars.time % bars.timeframe.ns == 0)


def test_another_seed_is_another_market() -> None:
    assert len({maker(seed).content_hash for maker in MAKERS for seed in range(3)}) == 15


def test_shapes_are_what_their_names_say() -> None:
    up = markets.trending(1, 160).close  # the first leg goes up for 160 bars, by 0.12 % each: exp(0.192) = 1.21
    assert up[-1] / up[0] == pytest.approx(1.21, abs=0.08)
    level = markets.ranging(1, 5_000).close
    assert 90.0 < level.min() < level.max() < 111.0
    steps = np.diff(markets.gapping(1).time) // markets.gapping(1).timeframe.ns
    assert steps.max() > 12
    fall = markets.crash(1).close  # ten bars of -4.3 % each: exp(-0.43) = 0.65
    assert fall[510] / fall[499] == pytest.approx(0.65, abs=0.05)


def test_extreme_markets_are_at_their_edges() -> None:
    made = markets.extremes(200)
    assert set(made["flat"].close) == set(made["flat"].high) == set(made["flat"].low) == {markets.PRICE}
    jumps = made["spiking"].close[1:] / made["spiking"].close[:-1]
    assert sorted(np.flatnonzero(np.abs(np.log(jumps)) > 2.0)) == [48, 49, 98, 99, 148, 149, 198]  # there and back
    assert made["tiny"].close[0] == pytest.approx(1e-8, rel=0.01)
    assert made["huge"].close[0] == pytest.approx(1e12, rel=0.01)
    assert not made["no volume"].volume.any()
    assert "no volume" not in markets.extremes(200, volume=False)


def test_silent_bars_are_flat_and_not_tradable() -> None:
    bars = markets.random_walk(0, 1_000, silent_bars=True)
    assert bars.tradable is not None
    silent = ~bars.tradable
    assert 20 < silent.sum() < 90
    assert np.array_equal(bars.high[silent], bars.low[silent])
    assert markets.random_walk(0, 1_000).tradable is None


def test_timeframe_and_symbol_are_taken() -> None:
    bars = markets.gapping(1, 20, timeframe="1d", symbol="EUR/USD")
    assert (bars.symbol, bars.timeframe) == ("EUR/USD", Timeframe("1d"))


def test_other_future_keeps_the_past() -> None:
    bars = markets.random_walk(0, 100, silent_bars=True)
    other = markets.other_future(bars, 40, seed=3)
    for name in ("time", "open", "high", "low", "close", "volume"):
        assert np.array_equal(getattr(other, name)[:41], getattr(bars, name)[:41])
    assert np.array_equal(other.time, bars.time)
    assert not np.any(other.close[41:] == bars.close[41:])
    assert markets.other_future(bars, 99).content_hash == bars.content_hash


def test_resample_by_hand() -> None:
    bars = markets.random_walk(0, 30)  # 2.5 hours from midnight: two whole hours, the third has not closed
    hours = markets.resample(bars, "1h")
    assert hours.time.tolist() == [markets.START_NS, markets.START_NS + HOUR_NS]
    assert hours.open.tolist() == [bars.open[0], bars.open[12]]
    assert hours.high.tolist() == [bars.high[:12].max(), bars.high[12:24].max()]
    assert hours.low.tolist() == [bars.low[:12].min(), bars.low[12:24].min()]
    assert hours.close.tolist() == [bars.close[11], bars.close[23]]
    assert hours.volume == pytest.approx([bars.volume[:12].sum(), bars.volume[12:24].sum()])
    assert len(markets.resample(bars.slice(0, 0), "1h")) == 0


def test_bars_of_closes_reach_one_above_and_one_below() -> None:
    bars = markets.of_closes([10.0, 12.0], timeframe="1h", symbol="A/B")
    assert (bars.symbol, str(bars.timeframe), np.diff(bars.time).tolist()) == ("A/B", "1h", [HOUR_NS])
    rows = [column.tolist() for column in (bars.open, bars.high, bars.low, bars.close, bars.volume)]
    assert rows == [[10.0, 12.0], [11.0, 13.0], [9.0, 11.0], [10.0, 12.0], [1.0, 1.0]]


@pytest.mark.parametrize(
    ("start", "end", "warmup", "closes"),
    [
        (None, None, 0, [11.0, 12.0, 13.0, 14.0, 15.0]),
        (1, 3, 0, [12.0, 13.0]),  # the bar that opens at the end is not in it
        (3, None, 2, [12.0, 13.0, 14.0, 15.0]),
        (1, 3, 9, [11.0, 12.0, 13.0]),  # as many as there are
        (None, 2, 3, [11.0, 12.0]),
        (3, 3, 2, []),  # nothing is asked for, so nothing before it either
    ],
)
def test_a_request_cuts_its_part_out_of_a_series(
    start: int | None, end: int | None, warmup: int, closes: list[float]
) -> None:
    bars = markets.of_closes([11.0, 12.0, 13.0, 14.0, 15.0])
    start_ns, end_ns = (None if row is None else int(bars.time[row]) for row in (start, end))
    wanted = BarRequest(bars.symbol, bars.timeframe, start_ns, end_ns, warmup)
    assert wanted.cut(bars).close.tolist() == closes


def test_informative_series_are_those_asked_for() -> None:
    bars = markets.with_informative(markets.random_walk(0, 60), ("1h", "BTC/USDT@1h"))
    assert len(bars.informative("1h").bars) == 5
    other = bars.informative("1h", symbol="BTC/USDT").bars
    assert other.close[0] == pytest.approx(10_000 / bars.close[11])


# Fakes.


def test_fake_market_shows_closed_bars_only() -> None:
    bars = markets.random_walk(0, 10, "1h")
    market = fakes.FakeMarket(bars, now_ns=markets.START_NS + 4 * HOUR_NS)
    assert market.closed(bars.symbol, 100).time.tolist() == bars.time[:4].tolist()  # the fifth opens now
    assert market.closed(bars.symbol, 2).time.tolist() == bars.time[2:4].tolist()
    early = fakes.FakeMarket(bars, now_ns=markets.START_NS + HOUR_NS - 1)
    assert len(early.closed(bars.symbol, 5)) == 0
    assert len(fakes.FakeMarket(bars).closed(bars.symbol, 100)) == 10


def test_fake_market_prepares_what_the_cost_model_asks() -> None:
    class Closes:
        def prepare(self, bars: Bars) -> Any:
            return bars.close

    bars = markets.random_walk(0, 10, "1h")
    market = fakes.FakeMarket({bars.symbol: bars}, markets.START_NS + 4 * HOUR_NS, bars.symbol, costs=Closes())
    assert market.prepared(bars.symbol) == bars.close[3]
    assert fakes.FakeMarket(bars, markets.START_NS, costs=Closes()).prepared(bars.symbol) is None
    assert fakes.FakeMarket(bars).prepared(bars.symbol) is None


def test_fake_portfolio_has_what_is_set() -> None:
    account = fakes.FakePortfolio(cash=500.0)
    assert (account.capital, account.equity, account.available) == (10_000.0, 500.0, 500.0)
    account.trades_today = 3
    account.positions = {"TEST/USDT": fakes.position()}
    account.pending = {"BTC/USDT": fakes.entry_order()}
    assert (account.trades_today, account.open_count) == (3, 2)


def test_makers_follow_what_is_given() -> None:
    asked = fakes.request(quantity=2.0, price=50.0, stop=49.0)
    assert (asked.notional, asked.risk) == (100.0, 2.0)
    assert fakes.request(notional=7.0).notional == 7.0
    estimated = fakes.request(lambda side, price, liquidity: Costs(side * price)).exit_costs(110.0, "maker")
    assert estimated == Costs(-110.0)
    short = fakes.trade(side="short", exit_price=90.0, quantity=2.0, fees=1.0)
    assert (short.gross_pnl, short.net_pnl) == (20.0, 19.0)
    assert fakes.position(stop=97.0).initial_stop == 97.0
    assert fakes.signal(side=-1).side == -1
    assert fakes.refusal(rule="x").rule == "x"
    assert fakes.reference(trades=2).trades == 2


def test_clock_and_events() -> None:
    clock = fakes.ManualClock()
    clock.advance(5)
    assert clock() == markets.START_NS + 5
    events = fakes.ListEvents()
    events.order_filled(fakes.position())
    events.equity_updated(1, 2.0)
    assert events.names() == ["order_filled", "equity_updated"]
    assert events.happened[1] == ("equity_updated", (1, 2.0))


def test_fake_source_tells_what_it_has() -> None:
    source = fakes.FakeSource({"A/USDT": markets.random_walk(0, 10, symbol="A/USDT")})
    with pytest.raises(DataError, match="no B/USDT; it has A/USDT"):
        list(source.bars([BarRequest("B/USDT", Timeframe("5m"))]))


def test_situations_repeat_and_reach_the_edges() -> None:
    first, again = list(situations(200, 0)), list(situations(200, 0))
    assert [each.signal for each in first] == [each.signal for each in again]
    assert {each.signal.side for each in first} == {1, -1}
    assert any(each.portfolio.available <= 0 for each in first)
    assert any(each.portfolio.equity < 0 for each in first)
    assert any(each.portfolio.positions and each.portfolio.pending for each in first)
    for each in first:
        assert each.market.closed(each.market.symbol, 1).time[-1] == each.signal.time_ns


def test_differences_are_found_in_order() -> None:
    left = {"a": np.array([1.0, np.nan, 3.0]), "b": np.array([1.0, 2.0, 3.0])}
    assert first_difference(left, left) is None
    assert first_difference(left, left | {"a": np.array([1.0, np.nan, 4.0]), "b": np.array([1.0, 2.5, 3.0])}) == (
        1,
        "b",
    )
    assert first_difference(left, left | {"a": np.array([1.0, 0.0, 3.0])}) == (1, "a")
    assert first_difference(left, left | {"b": np.array([1.0, 2.0 + 1e-9, 3.0])}) is None
    assert first_difference(left, left | {"b": np.array([1.0, 2.0 + 1e-8, 3.0])}) == (1, "b")
    assert first_difference(left, left | {"b": np.array([1.0, np.inf, 3.0])}) == (1, "b")


# Examples.


@pytest.mark.parametrize("count", [0, 1, 8])
def test_example_results_add_up(count: int) -> None:
    result: RunResult = example_result(count)
    assert result.metrics["total_trades"] == count == len(result.trades["symbol"])
    assert result.equity["equity"][-1] == pytest.approx(10_000 + result.trades["net_pnl"].sum())
    assert result.refusals["text"].dtype == object
    assert all(result.undefined[name] for name, value in result.metrics.items() if value is None)


def test_example_pipeline_takes_other_parts() -> None:
    quiet = fakes.FakeStrategy(every=0)
    pipeline = example_pipeline(strategy=quiet, capital=1.0)
    assert (pipeline.strategy, pipeline.capital) == (quiet, 1.0)
    assert example_session().wall_ns() == markets.START_NS
