"""Candles are checked at the door, cannot be changed behind it, and travel to pandas and back."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest

from quantsail_framework import Bars, Timeframe
from quantsail_framework.domain.bars import BLOCK
from quantsail_framework.errors import DataError
from quantsail_framework.testing import markets

HOUR = 3_600_000_000_000
START = 1_672_531_200_000_000_000  # 2023-01-01 00:00 UTC


def bars(size: int = 4, **changes: Any) -> Bars:
    columns = {
        "time": START + np.arange(size) * HOUR,
        "open": np.full(size, 10.0),
        "high": np.full(size, 12.0),
        "low": np.full(size, 9.0),
        "close": np.full(size, 11.0),
        "volume": np.full(size, 5.0),
    }
    return Bars("A/USDT", Timeframe("1h"), **(columns | changes), origin="a.csv")


def changed(index: int, value: float, size: int = 4, base: float = 10.0) -> np.ndarray[Any, Any]:
    column = np.full(size, base)
    column[index] = value
    return column


@pytest.mark.parametrize(
    "change, problem",
    [
        ({"close": changed(2, np.nan)}, "close is not a finite number"),
        ({"open": changed(2, np.inf)}, "open is not a finite number"),
        ({"low": changed(2, 0.0, base=9.0)}, "low is not above zero"),
        ({"volume": changed(2, -1.0)}, "volume is negative"),
        ({"high": changed(2, 10.5, base=12.0)}, "high is below open or close"),
        ({"low": changed(2, 10.5, base=9.0)}, "low is above open or close"),
    ],
)
def test_d051_a_bad_candle_names_file_symbol_row_and_time(change: dict[str, Any], problem: str) -> None:
    with pytest.raises(DataError, match=rf"^a.csv: A/USDT 1h, row 2 \(2023-01-01 02:00 UTC\): {problem}"):
        bars(**change)


def test_d051_times_must_increase() -> None:
    hours = np.array([0, 1, 1, 2]) * HOUR + START
    with pytest.raises(DataError, match=r"row 2 \(2023-01-01 01:00 UTC\): time is repeated"):
        bars(time=hours)
    with pytest.raises(DataError, match=r"row 3 \(2023-01-01 00:00 UTC\): time is earlier than the row before"):
        bars(time=np.array([0, 1, 2, 0]) * HOUR + START)


def test_columns_of_another_length_are_refused() -> None:
    with pytest.raises(DataError, match=r"column 'close' has shape \(3,\), the times have \(4,\)"):
        bars(close=np.full(3, 11.0))


def test_d053_nobody_can_write_into_the_candles() -> None:
    close = np.full(4, 11.0)
    held = bars(close=close)
    close[0] = 99.0  # the caller's array is not the bars'
    assert held.close[0] == 11.0
    with pytest.raises(ValueError, match="read-only"):
        held.close[0] = 99.0
    with pytest.raises(ValueError, match="read-only"):
        held.slice(1, 3).close[0] = 99.0


def test_d079_integers_become_floats() -> None:
    assert bars(close=np.full(4, 11)).close.dtype == np.float64


def test_silent_and_synthetic_bars_cannot_trade() -> None:
    assert bars().tradable is None
    assert bars(volume=np.zeros(4)).tradable is None  # a market without any volume trades normally
    silent = bars(volume=np.array([5.0, 0.0, 5.0, 5.0])).tradable
    assert silent is not None
    assert silent.tolist() == [True, False, True, True]
    made = bars(synthetic=np.array([False, False, True, False])).tradable
    assert made is not None
    assert made.tolist() == [True, True, False, True]


def test_the_hash_is_that_of_the_content() -> None:
    assert bars().content_hash == bars(time=START + np.arange(4) * HOUR).content_hash
    assert bars().content_hash != bars(close=changed(3, 11.5, base=11.0)).content_hash
    assert bars().content_hash != bars(synthetic=np.array([False, True, False, False])).content_hash


@pytest.mark.parametrize("size", [0, 1, 7, 8, 9, 40, 43])
def test_extremes_are_those_of_each_block(size: int) -> None:
    candles = markets.ranging(size=50).slice(0, size)
    lowest, highest = candles.extremes
    starts = range(0, size, BLOCK)
    assert lowest == [min(candles.low[start : start + BLOCK]) for start in starts]
    assert highest == [max(candles.high[start : start + BLOCK]) for start in starts]


def test_index_at_is_the_last_bar_that_has_opened() -> None:
    held = bars()
    moments = [START - 1, START, START + HOUR - 1, START + 9 * HOUR]
    assert [held.index_at(moment) for moment in moments] == [-1, 0, 0, 3]


def test_pandas_and_back() -> None:
    frame = bars().to_frame()
    assert frame.index[0] == datetime(2023, 1, 1, tzinfo=UTC)
    assert Bars.from_frame(frame, "A/USDT", "1h").content_hash == bars().content_hash
    column = frame.reset_index(names="timestamp")
    assert Bars.from_frame(column, "A/USDT", "1h").content_hash == bars().content_hash
    tokyo = frame.tz_convert("Asia/Tokyo")
    assert Bars.from_frame(tokyo, "A/USDT", "1h").content_hash == bars().content_hash


@pytest.mark.parametrize(
    "spoil, words",
    [
        (lambda frame: frame.tz_localize(None), "have no time zone; localise them to UTC first"),
        (lambda frame: frame.reset_index(drop=True), "has no open times; give a DatetimeIndex"),
        (lambda frame: frame.drop(columns=["volume", "low"]), "lacks the columns low, volume"),
    ],
)
def test_d010_a_frame_that_says_too_little_is_refused(spoil: Any, words: str) -> None:
    with pytest.raises(DataError, match=f"^A/USDT: the frame {words}|^A/USDT: the frame's times {words}"):
        Bars.from_frame(spoil(bars().to_frame()), "A/USDT", "1h")


def test_frames_share_nothing_with_the_bars() -> None:
    held = bars()
    frame = held.to_frame()
    frame.iloc[0, 0] = 99.0
    assert held.open[0] == 10.0
    assert isinstance(frame, pd.DataFrame)
