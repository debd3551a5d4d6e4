"""Longer bars from shorter ones: by hand, and against what the exchange itself publishes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantsail_framework import Bars, Timeframe
from quantsail_framework.domain.bars import utc_text
from quantsail_framework.domain.resample import resample
from quantsail_framework.domain.timeframe import bucket_start
from quantsail_framework.errors import DataError

MINUTE = 60_000_000_000
COLUMNS = ("open", "high", "low", "close", "volume")


def bars(minutes: list[int], timeframe: str = "5m", **more: object) -> Bars:
    """Bars that open at those minutes: open 10 + n, high + 2, low - 3, close + 1, volume n + 1."""
    n = np.arange(len(minutes), dtype=np.float64)
    time = np.array(minutes, np.int64) * MINUTE
    return Bars("X/Y", Timeframe(timeframe), time, 10 + n, 12 + n, 7 + n, 11 + n, n + 1, **more)  # type: ignore[arg-type]


def test_three_bars_become_one() -> None:
    long = resample(bars([0, 5, 10]), Timeframe("15m"))
    assert [long.bars.time.tolist(), long.bars.open.tolist(), long.bars.high.tolist()] == [[0], [10.0], [14.0]]
    assert [long.bars.low.tolist(), long.bars.close.tolist(), long.bars.volume.tolist()] == [[7.0], [13.0], [6.0]]
    assert not long.incomplete.any()


def test_a_bar_with_a_gap_inside_is_marked_and_one_without_anything_is_absent() -> None:
    long = resample(bars([0, 10, 30, 35, 40]), Timeframe("15m"))
    assert long.bars.time.tolist() == [0, 30 * MINUTE]
    assert long.incomplete.tolist() == [True, False]
    assert long.bars.volume.tolist() == [3.0, 12.0]


def test_what_begins_or_ends_inside_a_bar_is_left_out() -> None:
    assert resample(bars([5, 10, 15, 20, 25, 30]), Timeframe("15m")).bars.time.tolist() == [15 * MINUTE]
    assert len(resample(bars([5, 10, 15, 20]), Timeframe("15m")).bars) == 0
    assert len(resample(bars([]), Timeframe("15m")).bars) == 0


def test_weeks_start_on_monday_and_days_at_midnight() -> None:
    thursday = 19_723 * 86_400 * 1_000_000_000  # 2024-01-01 is a Monday
    assert utc_text(bucket_start(thursday + 3 * 86_400_000_000_000 + 5, Timeframe("1w"))) == "2024-01-01 00:00 UTC"
    assert utc_text(bucket_start(thursday + 3 * 86_400_000_000_000 + 5, Timeframe("1d"))) == "2024-01-04 00:00 UTC"


def test_a_long_bar_is_synthetic_only_when_all_of_it_is() -> None:
    flags = [True, True, True, True, False, True]
    long = resample(bars([0, 5, 10, 15, 20, 25], synthetic=flags), Timeframe("15m"))
    assert long.bars.synthetic is not None
    assert long.bars.synthetic.tolist() == [True, False]


@pytest.mark.parametrize(("timeframe", "minutes"), [("7m", [0, 5]), ("5m", [0, 5]), ("1m", [0, 5])])
def test_only_multiples_can_be_made(timeframe: str, minutes: list[int]) -> None:
    with pytest.raises(DataError, match=f"{timeframe} bars cannot be made of 5m bars"):
        resample(bars(minutes), Timeframe(timeframe))


def test_bars_beside_the_clock_are_refused() -> None:
    with pytest.raises(DataError, match="row 1: opens between two 5m bars"):
        resample(bars([0, 7]), Timeframe("15m"))


@given(st.lists(st.booleans(), min_size=1, max_size=200), st.sampled_from(["15m", "30m", "1h"]))
def test_in_two_steps_or_one_is_the_same(there: list[bool], middle: str) -> None:
    whole = bars([5 * slot for slot, here in enumerate([True, *there, True]) if here])
    once, twice = resample(whole, Timeframe("4h")), resample(resample(whole, Timeframe(middle)).bars, Timeframe("4h"))
    for name in ("time", *COLUMNS):
        both = min(len(once.bars), len(twice.bars))
        assert getattr(once.bars, name)[:both].tolist() == getattr(twice.bars, name)[:both].tolist()


def candles(path: Path, timeframe: str) -> Bars:
    table = pq.ParquetFile(path).read()
    time = np.asarray(table["timestamp"].cast("int64")) * 1_000_000
    return Bars(path.name, Timeframe(timeframe), time, *[np.asarray(table[name]) for name in COLUMNS])


@pytest.mark.parametrize("symbol", ["BTC", "ETH", "BNB", "SOL", "XRP", "ADA"])
@pytest.mark.parametrize(("short", "long"), [("5m", "1h"), ("1h", "1d")])
def test_real_candles_give_what_the_exchange_publishes(shared_data: Path, symbol: str, short: str, long: str) -> None:
    """Every bar of the range that both have, in every field; volume to the rounding of a sum."""
    folder = shared_data / "ohlcv" / "binance"
    made = resample(candles(folder / f"{symbol}_USDT-{short}.parquet", short), Timeframe(long)).bars
    published = candles(folder / f"{symbol}_USDT-{long}.parquet", long)
    start, end = max(made.time[0], published.time[0]), min(made.time[-1], published.time[-1])
    one, other = ((b.time >= start) & (b.time <= end) for b in (made, published))
    assert one.sum() > 300
    assert made.time[one].tolist() == published.time[other].tolist()
    for name in COLUMNS[:4]:
        assert getattr(made, name)[one].tolist() == getattr(published, name)[other].tolist()
    np.testing.assert_allclose(made.volume[one], published.volume[other], rtol=1e-9)
