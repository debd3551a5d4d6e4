"""A walk-forward over real candles, reproduced by a plain loop: the same parameters, the same trades out of sample."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from itertools import product
from math import log
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest

from quantsail_framework import RunResult, load_pipeline, run
from quantsail_framework.ports.runner import Pipeline
from quantsail_trend.strategy import TrendStrategy
from tests.reference import simulator
from tests.reference.trend import add_trend_signals, load
from tests.reference.values import Market, Outcome, Settings

HOUR = 3_600_000_000_000
DAY = 24 * HOUR
# The 27 combinations of the original document.
GRID = {"atr_period": [10, 14, 20], "adx_period": [10, 14, 20], "ma_period": [20, 50, 100]}
PIPELINE = """
[pipeline]
capital = 1_000
runner = "walk-forward"
[data]
use = "parquet"
path = "{path}"
symbols = ["BNB/USDT"]
timeframe = "1h"
[strategy]
use = "trend"
[costs]
use = "binance-spot"
[sizer]
use = "fixed-fractional"
[[risk]]
use = "profitability-gate"
min_profit = 0.15
[walk-forward]
train_days = 180
test_days = 60
parameters.strategy = {{ atr_period = [10, 14, 20], adx_period = [10, 14, 20], ma_period = [20, 50, 100] }}
"""
Window = tuple[int, int, int]  # begin of training, begin and end of the test
Chosen = tuple[float, dict[str, int]] | None


@pytest.fixture(scope="module")
def pipeline(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Pipeline:
    file = tmp_path_factory.mktemp("walk") / "walk.toml"
    file.write_text(PIPELINE.format(path=(shared_data / "ohlcv" / "binance").as_posix()), encoding="utf-8")
    return load_pipeline(file)


@pytest.fixture(scope="module")
def walked(pipeline: Pipeline) -> RunResult:
    return run(pipeline)


@pytest.fixture(scope="module")
def market(shared_data: Path) -> Market:
    return load(shared_data / "ohlcv" / "binance" / "BNB_USDT-1h.parquet", "BNB/USDT")


@pytest.fixture(scope="module")
def choices(pipeline: Pipeline, market: Market) -> list[tuple[Window, Chosen]]:
    """The plain loop: each combination's backtest on each training range, and the best of them."""
    return [(window, best_of(pipeline, window)) for window in windows(market)]


def windows(market: Market) -> Iterator[Window]:
    end = market.time[-1] + HOUR
    begin = market.time[0]
    while begin + 210 * DAY <= end:  # half of the test at least
        yield begin, begin + 180 * DAY, min(begin + 240 * DAY, end)
        begin += 60 * DAY


def best_of(pipeline: Pipeline, window: Window) -> Chosen:
    best: Chosen = None
    for values in product(*GRID.values()):
        options = dict(zip(GRID, values, strict=True))
        score = score_of(backtest(pipeline, options, window[0], window[1]).trades["net_pnl"].tolist())
        if score is not None and (best is None or score > best[0]):
            best = score, options
    return best


def backtest(pipeline: Pipeline, options: dict[str, int], start: int, end: int) -> RunResult:
    part = attrs.evolve(pipeline, data=attrs.evolve(pipeline.data, start_ns=start, end_ns=end))
    return run(part, runner="backtest", strategy=TrendStrategy(**options))


def score_of(nets: list[float]) -> float | None:
    won, lost = sum(net for net in nets if net > 0), -sum(net for net in nets if net < 0)
    if len(nets) < 10 or won <= lost:
        return None
    return (won / lost if lost else 10.0) * log(len(nets))


def joined(market: Market, choices: list[tuple[Window, Chosen]]) -> Outcome:
    """The signals of each window's choice, by a loop over bars, in one account of the independent simulator."""
    entry: list[int] = [0] * len(market.time)
    stop: list[float | None] = [None] * len(market.time)
    target: list[float | None] = [None] * len(market.time)
    for (_, start, end), chosen in choices:
        if chosen is None:
            continue
        said = add_trend_signals(dataclasses.replace(market), **chosen[1])
        for i, time in enumerate(market.time):
            if start <= time < end:
                entry[i], stop[i], target[i] = said.entry[i], said.stop[i], said.target[i]
    first = next(i for i, time in enumerate(market.time) if time >= choices[0][0][1])
    names = ("time", "open", "high", "low", "close", "volume")
    tested = dataclasses.replace(market, **{name: getattr(market, name)[first:] for name in names})
    tested.entry, tested.stop, tested.target = entry[first:], stop[first:], target[first:]
    rules = [("profitability-gate", {"min_profit": 0.15})]
    return simulator.simulate([tested], Settings(HOUR, capital=1_000.0, costs=("binance-spot", {}), rules=rules))


def rows(table: Any, names: list[str]) -> list[tuple[Any, ...]]:
    return list(zip(*(table[name].tolist() for name in names), strict=True))


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_plain_loop_chooses_the_same_parameters(walked: RunResult, choices: list[tuple[Window, Chosen]]) -> None:
    table = walked.tables["windows"]
    edges = ["train_start_time", "train_end_time", "test_start_time", "test_end_time"]
    assert rows(table, edges) == [(train, test, test, end) for (train, test, end), _ in choices]
    assert len(choices) == 17
    for row, (_, chosen) in enumerate(choices):
        assert table["status"][row] == ("flat" if chosen is None else "chosen")
        for name in GRID:
            value = table[f"strategy.{name}"][row]
            assert np.isnan(value) if chosen is None else value == chosen[1][name]
        if chosen is not None:
            assert table["score"][row] == pytest.approx(chosen[0], rel=1e-9)
    assert len({str(chosen) for _, chosen in choices}) > 5  # the loop does not compare one choice with itself


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_independent_simulator_makes_the_same_trades_out_of_sample(
    walked: RunResult, market: Market, choices: list[tuple[Window, Chosen]]
) -> None:
    outcome = joined(market, choices)
    assert len(outcome.trades) > 50
    names = ["symbol", "side", "signal_time", "entry_time", "exit_time", "exit_reason", "bound_by"]
    assert rows(walked.trades, names) == [tuple(trade[name] for name in names) for trade in outcome.trades]
    for name in ("entry_price", "exit_price", "stop", "target", "quantity", "net_pnl", "equity_at_entry"):
        expected = [trade[name] for trade in outcome.trades]
        np.testing.assert_allclose(walked.trades[name], expected, rtol=1e-9, err_msg=name)
    np.testing.assert_array_equal(walked.equity["time"], [point["time"] for point in outcome.equity])
    np.testing.assert_allclose(walked.equity["equity"], [point["equity"] for point in outcome.equity], rtol=1e-9)
    assert walked.metrics["final_equity"] == pytest.approx(outcome.final_cash)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_with_reset_each_window_is_a_backtest_of_its_own(
    pipeline: Pipeline, choices: list[tuple[Window, Chosen]]
) -> None:
    options = {**pipeline.runner_options["walk-forward"], "reset": True}
    apart = run(attrs.evolve(pipeline, runner_options={"walk-forward": options}))
    names = ["entry_time", "exit_time", "exit_reason"]
    expected: list[tuple[Any, ...]] = []
    nets: list[float] = []
    for row, ((_, start, end), chosen) in enumerate(choices):
        if chosen is not None:
            alone = backtest(pipeline, chosen[1], start, end)
            expected += [(*trade, row + 1) for trade in rows(alone.trades, names)]
            nets += alone.trades["net_pnl"].tolist()
            assert apart.tables["windows"]["test_return"][row] == pytest.approx(alone.metrics["total_return"])
    assert rows(apart.trades, [*names, "window"]) == expected
    np.testing.assert_allclose(apart.trades["net_pnl"], nets, rtol=1e-9, atol=1e-12)
    assert apart.metrics["final_equity"] == pytest.approx(1_000.0 + sum(nets))
