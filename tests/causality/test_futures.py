"""Other futures keep the past, and of a longer timeframe what had closed; the points to try lie where it matters."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantsail_framework.causality import differences, other_future, other_informative
from quantsail_framework.causality.check import _points
from quantsail_framework.testing import markets

COLUMNS = ("open", "high", "low", "close", "volume")


@given(st.integers(-1, 59), st.integers(0, 1_000))
def test_only_what_comes_after_is_other(index: int, seed: int) -> None:
    bars = markets.random_walk(1, 60, silent_bars=True)
    other = other_future(bars, index, seed)  # Bars refuses what is no candle
    for name in COLUMNS:
        assert np.array_equal(getattr(other, name)[: index + 1], getattr(bars, name)[: index + 1])
    assert not (other.close == bars.close)[index + 1 :].any()
    assert np.array_equal(other.volume == 0, bars.volume == 0)


def test_of_a_longer_timeframe_the_forming_bar_is_other() -> None:
    bars = markets.with_informative(markets.random_walk(2, 60), ["1h", "BTC/USDT@1h"])
    # Bar 30 of 5 minutes opens 02:30 and closes 02:35: the hours of 00:00 and 01:00 have closed, that of 02:00 forms.
    other = other_informative(bars, 30)
    assert other.content_hash == bars.content_hash
    for key, series in bars.others.items():
        same = [np.array_equal(other.others[key].close[row], series.close[row]) for row in range(len(series))]
        assert same == [True, True, False, False, False]


def test_a_longer_bar_that_closes_with_the_bar_itself_is_known() -> None:
    bars = markets.with_informative(markets.random_walk(2, 60), ["1h"])
    (series,), (early,) = other_informative(bars, 35).others.values(), other_informative(bars, 34).others.values()
    (own,) = bars.others.values()
    assert (series.close == own.close).tolist() == [True, True, True, False, False]
    assert (early.close == own.close).tolist() == [True, True, False, False, False]


def test_before_any_longer_bar_has_closed_all_are_other() -> None:
    bars = markets.with_informative(markets.random_walk(2, 60), ["1h"])
    (series,), (own,) = other_informative(bars, 3).others.values(), bars.others.values()
    assert not (series.close == own.close).any()


def test_every_column_that_differs_is_named_with_its_first_row() -> None:
    left = {"a": np.array([1.0, 2.0, 3.0]), "b": np.zeros(3), "c": np.array([1.0, np.nan, 1.0])}
    right = {"a": np.array([1.0, 5.0, 6.0]), "b": np.zeros(3), "c": np.array([1.0, np.nan, np.nan])}
    assert differences(left, right) == [(1, "a"), (2, "c")]


@pytest.mark.parametrize("count", [1, 8, 40, 400])
def test_points_lie_at_entries_before_them_at_exits_and_anywhere(count: int) -> None:
    rows, entries, exits = np.arange(50, 350), np.arange(60, 340, 10), np.arange(45, 345, 10)
    points = _points(rows, entries, exits, count, np.random.default_rng(0))
    assert len(points) == min(count, len(rows))
    assert set(points.tolist()) <= set(rows.tolist())
    assert (np.diff(points) > 0).all()
    for wanted in (entries, entries - 1, exits):
        assert len(np.intersect1d(points, wanted)) >= min(count // 4, 28)
