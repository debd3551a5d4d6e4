"""Where the windows lie: worked by hand, and as a property of all lengths."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quantsail_framework import Bars, Timeframe
from quantsail_framework.config import build
from quantsail_framework.engine import MarketData
from quantsail_framework.errors import DataError, InputError
from quantsail_walk_forward.runner import WalkForwardRunner
from quantsail_walk_forward.windows import Lengths, Window, cut, range_of

HOUR = 3_600_000_000_000
DAY = 24 * HOUR
GRID = {"parameters": {"strategy.hour": [5, 17]}}


def days(windows: list[Window]) -> list[tuple[float, ...]]:
    edges = ("train_start_ns", "train_end_ns", "test_start_ns", "test_end_ns")
    return [(window.number, *(getattr(window, edge) / DAY for edge in edges)) for window in windows]


def market(
    hours: list[int], timeframe: str = "1h", start: int = 0, warmup: int = 0, symbol: str = "A/USDT"
) -> MarketData:
    """Bars that open at these hours."""
    ones = np.ones(len(hours))
    bars = Bars(symbol, Timeframe(timeframe), np.array(hours) * HOUR, ones, ones, ones, ones, ones)
    return MarketData({symbol: bars}, {}, bars.timeframe, warmup, start * HOUR)


def test_windows_worked_by_hand() -> None:
    # 90 + 30 days, stepping 30: the tests tile days 90 to 180; day 180 on would hold 14 of 30 days, less than half.
    windows, notes = Lengths(90, 30, 30).windows(0, 194 * DAY)
    assert days(windows) == [(1, 0, 90, 90, 120), (2, 30, 120, 120, 150), (3, 60, 150, 150, 180)]
    assert notes == [
        "window 4 is dropped: of its 30 test days from 1970-06-30 00:00 UTC on the candles have 14, less than half"
    ]
    # One more day makes half of it, and it is kept up to the end.
    windows, notes = Lengths(90, 30, 30).windows(0, 195 * DAY)
    assert days(windows)[3:] == [(4, 90, 180, 180, 195)]
    assert notes == []


def test_an_anchored_walk_trains_from_the_beginning() -> None:
    windows, _ = Lengths(90, 30, 30, anchored=True).windows(10 * DAY, 190 * DAY)
    assert days(windows) == [(1, 10, 100, 100, 130), (2, 10, 130, 130, 160), (3, 10, 160, 160, 190)]


def test_d067_purge_shortens_the_training_and_embargo_delays_the_test() -> None:
    windows, _ = Lengths(90, 30, 30, purge_days=5, embargo_days=2).windows(0, 152 * DAY)
    assert days(windows) == [(1, 0, 85, 92, 122), (2, 30, 115, 122, 152)]


def test_d056_windows_are_cut_by_time_whatever_the_bars() -> None:
    """90 days are 90 days of 5-minute bars as of daily ones, and gaps in them change nothing."""
    lengths = Lengths(90, 30, 30)
    daily = market(list(range(0, 200 * 24, 24)), "1d")
    hourly = market([hour for hour in range(200 * 24) if hour // 24 not in range(50, 70)])
    assert lengths.windows(*range_of(daily)) == lengths.windows(*range_of(hourly))
    train = cut(hourly, 0, 90 * DAY)
    assert train is not None
    assert len(train.bars["A/USDT"]) == 70 * 24  # the 20 days of the gap are missing in it, not borrowed from later


def test_d060_too_little_data_is_told_with_what_it_needs_and_has() -> None:
    with pytest.raises(DataError, match=r"needs 105 days \(train_days 90 \+ half of test_days 30\), has 104;"):
        Lengths(90, 30, 30).windows(0, 104 * DAY)
    assert len(Lengths(90, 30, 30).windows(0, 105 * DAY)[0]) == 1
    with pytest.raises(DataError, match=r"needs 112 days \(train_days 90 \+ embargo_days 7 \+ half of test_days 30\)"):
        Lengths(90, 30, 30, embargo_days=7).windows(0, 104 * DAY)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"step_days": 0}, "step_days: must be > 0, got 0"),
        ({"train_days": 0}, "train_days: must be > 0, got 0"),
        ({"test_days": -1}, "test_days: must be > 0, got -1"),
        ({"step_days": 10}, "step_days 10 is below test_days 30: test windows would overlap and count bars twice"),
        ({"step_days": 10, "reset": True}, "raise step_days, or set overlap = true and reset = true"),
        ({"step_days": 10, "overlap": True}, "raise step_days, or set overlap = true and reset = true"),
        ({"purge_days": 90}, "purge_days 90 leaves nothing of train_days 90"),
    ],
)
def test_d061_d062_lengths_that_make_no_sense_are_refused(options: dict[str, object], text: str) -> None:
    with pytest.raises(InputError) as caught:
        build(WalkForwardRunner, {**GRID, **options}, "[walk-forward]")
    assert text in str(caught.value)
    assert caught.value.exit_code == 2


def test_d062_overlap_and_holes_need_their_names() -> None:
    asked = build(WalkForwardRunner, {**GRID, "step_days": 10, "overlap": True, "reset": True}, "[walk-forward]")
    assert asked.step_days == 10
    _, notes = Lengths(90, 30, 45).windows(0, 195 * DAY)
    assert notes == ["step_days is above test_days: 15 days between two test windows are not tested"]


@settings(deadline=None)  # a thousand windows on a busy machine
@given(
    train=st.integers(1, 400),
    test=st.integers(1, 90),
    purge=st.integers(0, 30),
    embargo=st.integers(0, 30),
    anchored=st.booleans(),
    hours=st.integers(1, 24 * 1_000),
)
def test_d062_the_tests_tile(train: int, test: int, purge: int, embargo: int, anchored: bool, hours: int) -> None:
    lengths = Lengths(train, test, test, anchored, min(purge, train - 1), embargo)
    start, end = 17 * HOUR, 17 * HOUR + hours * HOUR
    try:
        windows, notes = lengths.windows(start, end)
    except DataError:
        assert end - start < (train + embargo + test / 2) * DAY
        return
    assert windows[0].test_start_ns == start + (train + embargo) * DAY
    for one, two in pairwise(windows):
        assert one.test_end_ns == two.test_start_ns  # disjoint and without holes
        assert one.test_end_ns - one.test_start_ns == test * DAY
    left = end - windows[-1].test_end_ns
    assert 0 <= left < test * DAY / 2  # what is dropped is less than half of a test, and is told
    assert bool(notes) == (left > 0)
    for window in windows:
        assert start <= window.train_start_ns < window.train_end_ns <= window.test_start_ns < window.test_end_ns <= end
        assert window.train_end_ns == window.test_start_ns - (embargo + lengths.purge_days) * DAY


def test_d058_a_stretch_has_its_warm_up_before_it() -> None:
    data = cut(market(list(range(240)), warmup=50), 3 * DAY, 5 * DAY)
    assert data is not None
    bars = data.bars["A/USDT"]
    assert (bars.time[0] // HOUR, bars.time[-1] // HOUR) == (72 - 50, 119)
    assert data.first("A/USDT") == 50  # the first bar that may decide is that of hour 72
    assert data.first_tradable_ns("A/USDT") == 3 * DAY


def test_a_bar_that_closes_after_the_edge_is_not_trained_on() -> None:
    """Bars of 5 hours do not fit into a day: that of hour 20 closes in the next one."""
    data = cut(market([0, 5, 10, 15, 20, 25], "5h"), 0, DAY)
    assert data is not None
    assert (data.bars["A/USDT"].time // HOUR).tolist() == [0, 5, 10, 15]
    following = cut(market([0, 5, 10, 15, 20, 25], "5h"), DAY, 2 * DAY)
    assert following is not None
    assert following.first_tradable_ns("A/USDT") == 20 * HOUR


def test_a_stretch_without_bars_is_none_and_a_market_without_bars_is_left_out() -> None:
    one, two = market([0, 1, 2]), market([2, 3, 4, 5], symbol="B/USDT")
    both = MarketData({**one.bars, **two.bars}, {}, one.timeframe, 0, 0)
    assert cut(both, 10 * HOUR, 20 * HOUR) is None
    data = cut(both, 3 * HOUR, 6 * HOUR)
    assert data is not None
    assert list(data.bars) == ["B/USDT"]
