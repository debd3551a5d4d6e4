"""Other timeframes and symbols, seen without look-ahead: the same trades from arrays, bar by bar and rolling."""

from __future__ import annotations

from pathlib import Path

import attrs
import numpy as np
import pytest

from quantsail_framework import Bars, Signals, indicators, load_pipeline
from quantsail_framework.engine import load_market, replay, simulate
from quantsail_framework.errors import DataError
from tests.engine.test_reference import assert_alike, assert_identical

PIPELINE = """
[pipeline]
capital = 10_000
[data]
use = "parquet"
path = "{path}"
symbols = ["ETH/USDT", "BTC/USDT"]
timeframe = "5m"
start = 2022-11-06
end = 2022-11-12
informative = ["1h", "BTC/USDT@1h"]
[strategy]
use = "trend"
[costs]
use = "binance-spot"
volatility_window = 50
[sizer]
use = "fixed-fractional"
"""


@attrs.frozen
class HourlyTrend:
    """Buys a new five-minute high while the hour's close, and that of Bitcoin, stand above their means of 10 hours."""

    warmup: int = 1_500

    def signals(self, bars: Bars) -> Signals:
        own, bitcoin = bars.informative("1h"), bars.informative("1h", "BTC/USDT")
        rising = np.ones(len(bars), bool)
        for hours in (own, bitcoin):
            mean = indicators.sma(hours.bars, 10)
            rising &= hours.align(hours.bars.close) > hours.align(mean) * (1.0 + 1e-9)
        high = np.full(len(bars), np.inf)
        high[1:] = indicators.highest(bars, 12)[:-1]
        entry = (rising & (bars.close > high)).astype(np.int8)
        return Signals(entry, bars.close * 0.99, bars.close * 1.02, trail=0.008 * bars.close, max_bars=60)


def test_backtest_replay_and_rolling_agree(shared_data: Path, tmp_path: Path) -> None:
    file = tmp_path / "pipeline.toml"
    file.write_text(PIPELINE.format(path=(shared_data / "ohlcv" / "binance").as_posix()), encoding="utf-8")
    pipeline = load_pipeline(file, strategy=HourlyTrend())
    data = load_market(pipeline)
    once = simulate(pipeline, data)
    assert len(once.trades["symbol"]) > 20
    assert {"trailing_stop", "time"} & set(once.trades["exit_reason"])
    assert_identical(once, replay(pipeline, data))
    assert_alike(once, replay(pipeline, data, feed="rolling"))


def test_a_row_is_the_last_bar_that_had_closed(shared_data: Path, tmp_path: Path) -> None:
    file = tmp_path / "pipeline.toml"
    file.write_text(PIPELINE.format(path=(shared_data / "ohlcv" / "binance").as_posix()), encoding="utf-8")
    data = load_market(load_pipeline(file, strategy=HourlyTrend()))
    bars = data.bars["ETH/USDT"]
    hours = bars.informative("1h")
    for i in (1_700, 1_704, 1_705, 1_711):
        close_ns = int(bars.time[i]) + bars.timeframe.ns
        known = [k for k in range(len(hours.bars)) if int(hours.bars.time[k]) + hours.bars.timeframe.ns <= close_ns]
        assert hours.rows[i] == known[-1]


def test_what_was_not_declared_says_how(shared_data: Path, tmp_path: Path) -> None:
    file = tmp_path / "pipeline.toml"
    file.write_text(PIPELINE.format(path=(shared_data / "ohlcv" / "binance").as_posix()), encoding="utf-8")
    data = load_market(load_pipeline(file, strategy=HourlyTrend()))
    with pytest.raises(DataError, match=r"informative series '4h' is not loaded; add it to \[data\] informative"):
        data.bars["ETH/USDT"].informative("4h")
