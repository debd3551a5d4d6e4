"""Bars made of trades and quotes, worked by hand and against an exchange's own bars."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantsail_framework.domain.aggregate import quotes_to_bars, trades_to_bars
from quantsail_framework.domain.bars import Bars
from quantsail_framework.domain.timeframe import Timeframe, bucket_start
from quantsail_framework.errors import DataError

SECOND = 1_000_000_000
COLUMNS = ("open", "high", "low", "close", "volume")


def ns(*moment: int) -> int:
    return int(datetime(*moment, tzinfo=UTC).timestamp()) * SECOND  # type: ignore[misc]


@pytest.mark.parametrize(
    "timeframe, start",
    [
        ("1m", ns(2024, 2, 29, 23, 59)),
        ("5m", ns(2024, 2, 29, 23, 55)),
        ("7m", ns(2024, 2, 29, 23, 55)),  # 28,487,519 minutes since 1970 = 7 x 4,069,645 + 4
        ("4h", ns(2024, 2, 29, 20)),
        ("1d", ns(2024, 2, 29)),
        ("1w", ns(2024, 2, 26)),  # a Monday
        ("2w", ns(2024, 2, 19)),  # an even number of weeks after 1970-01-05
    ],
)
def test_bucket_start(timeframe: str, start: int) -> None:
    time = ns(2024, 2, 29, 23, 59, 59) + 999_999_999
    assert bucket_start(time, Timeframe(timeframe)) == start
    assert bucket_start(start, Timeframe(timeframe)) == start
    assert bucket_start(np.array([start - 1, start, time]), Timeframe(timeframe)).tolist()[1:] == [start, start]


@given(st.integers(-(2**61), 2**61), st.sampled_from(["1s", "5m", "8h", "3d", "1w"]))
def test_a_bucket_holds_its_time(time: int, text: str) -> None:
    timeframe = Timeframe(text)
    start = bucket_start(time, timeframe)
    assert start <= time < start + timeframe.ns


def test_trades_by_hand() -> None:
    seconds = [0, 30, 30, 59, 180, 239]
    time = [ns(2024, 1, 1) + second * SECOND for second in seconds]
    bars = trades_to_bars("BTC/USDT", Timeframe("1m"), time, [10, 12, 9, 11, 20, 20], [1, 2, 3, 4, 0.5, 0.25])
    # Minutes 1 and 2 had no trade: no bars.
    assert bars.time.tolist() == [ns(2024, 1, 1), ns(2024, 1, 1, 0, 3)]
    assert [getattr(bars, name).tolist() for name in COLUMNS] == [
        [10, 20],
        [12, 20],
        [9, 20],
        [11, 20],
        [10, 0.75],
    ]


@pytest.mark.parametrize("side, close", [("bid", 1.0), ("ask", 3.0), ("mid", 2.0)])
def test_quotes_by_hand(side: str, close: float) -> None:
    bars = quotes_to_bars("EUR/USD", Timeframe("1m"), [ns(2024, 1, 1)] * 2, [9.0, 1.0], [9.5, 3.0], side=side)  # type: ignore[arg-type]
    assert (bars.close.tolist(), bars.volume.tolist()) == ([close], [0.0])


def test_nothing_gives_no_bars() -> None:
    assert len(trades_to_bars("BTC/USDT", Timeframe("1m"), [], [], [])) == 0


@pytest.mark.parametrize(
    "time, price, amount, problem",
    [
        ([2, 1], [1, 1], [1, 1], "row 1 (1970-01-01 00:00 UTC) is earlier than the row before; sort by time"),
        ([1, 2], [1, np.nan], [1, 1], "row 1 (1970-01-01 00:00 UTC) holds what is not a finite number"),
        ([1, 2], [1, 1], [1, -1], "the amount of trade 1 (1970-01-01 00:00 UTC) is negative"),
        ([1, 2], [1], [1, 1], "(2,) times and columns of (1,), (2,) do not fit together"),
    ],
)
def test_bad_trades_are_refused(time: list[int], price: list[float], amount: list[float], problem: str) -> None:
    with pytest.raises(DataError) as caught:
        trades_to_bars("BTC/USDT", Timeframe("1m"), time, price, amount, origin="a.csv")
    assert str(caught.value) == f"a.csv: BTC/USDT: {problem}"


def columns(path: Path) -> dict[str, np.ndarray]:
    table = pq.read_table(path)
    found = {name: table.column(name).to_numpy() for name in table.column_names if name not in ("id", "side")}
    return {**found, "timestamp": found["timestamp"].astype("datetime64[ns]").astype(np.int64)}


def assert_equal(bars: Bars, path: Path, *, of_day: int | None = None) -> None:
    truth = columns(path)
    kept = truth["timestamp"] >= 0 if of_day is None else truth["timestamp"] // (86_400 * SECOND) == of_day
    assert np.array_equal(bars.time, truth["timestamp"][kept])
    for name in COLUMNS:
        assert np.array_equal(getattr(bars, name), truth[name][kept]), name


@pytest.mark.parametrize("timeframe", ["1m", "5m"])
def test_trades_give_the_exchange_s_own_bars(timeframe: str, shared_data: Path) -> None:
    trades = columns(shared_data / "trades/binance/XRP_ETH-trades.parquet")
    bars = trades_to_bars("XRP/ETH", Timeframe(timeframe), trades["timestamp"], trades["price"], trades["amount"])
    assert_equal(bars, shared_data / f"ohlcv/binance-2019/XRP_ETH-{timeframe}.parquet")


@pytest.mark.parametrize("side, folder", [("bid", "oanda-bid"), ("ask", "oanda-ask")])
def test_ticks_give_the_broker_s_own_bars(side: str, folder: str, shared_data: Path) -> None:
    ticks = columns(shared_data / "quotes/oanda/EUR_USD-ticks-2014-05-05.parquet")
    bars = quotes_to_bars("EUR/USD", Timeframe("1m"), ticks["timestamp"], ticks["bid"], ticks["ask"], side=side)  # type: ignore[arg-type]
    day = ns(2014, 5, 5) // (86_400 * SECOND)
    assert_equal(bars, shared_data / f"ohlcv/{folder}/EUR_USD-1m.parquet", of_day=day)
