"""Signals that are said of some bars alone are those of columns over all bars."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import attrs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantsail_framework import LONG, SHORT, Bars, Signals
from quantsail_framework.engine import load_market, simulate
from quantsail_framework.engine.feed import SignalColumns
from quantsail_framework.errors import ComponentError
from quantsail_framework.testing import markets
from quantsail_framework.testing.examples import example_pipeline

SIZE = 60
BARS = markets.trending(1, SIZE)


def at(rows: Any, **columns: Any) -> Signals:
    return Signals.at(rows, SIZE, **({"entry": LONG, "stop": 1.0} | columns))


def test_a_column_over_all_bars_can_be_read() -> None:
    signals = at([7, 3], entry=[SHORT, LONG], stop=[11.0, 9.0], target=[8.0, np.nan], confidence=0.5)
    assert signals.entry.tolist() == [0, 0, 0, LONG, 0, 0, 0, SHORT, *[0] * (SIZE - 8)]
    assert np.flatnonzero(~np.isnan(signals.stop)).tolist() == [3, 7]
    assert (signals.stop[3], signals.stop[7]) == (9.0, 11.0)
    assert signals.target is not None
    assert np.flatnonzero(~np.isnan(signals.target)).tolist() == [7]
    assert (signals.confidence, signals.exit, signals.trail, signals.max_bars, signals.reason(3)) == (
        *(0.5, None, None, 0),
        "",
    )
    assert signals.entry is signals.entry
    with pytest.raises(AttributeError, match="stops"):
        signals.stops  # type: ignore[attr-defined]  # noqa: B018


def test_it_can_be_copied_sent_and_changed() -> None:
    signals = at([3, 7], stop=[9.0, 11.0])
    for other in (copy.deepcopy(signals), copy.copy(signals), attrs.evolve(signals, max_bars=5)):
        np.testing.assert_array_equal(other.stop, signals.stop)
        np.testing.assert_array_equal(other.entry, signals.entry)
    assert attrs.evolve(signals, max_bars=5).max_bars == 5
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(at([3], stop=[9.0]))).entry, at([3], stop=[9.0]).entry)


def test_a_row_without_a_side_is_no_entry() -> None:
    rows, sides = at([2, 5, 9], entry=[LONG, 0, SHORT], stop=[1.0, 2.0, 3.0]).entered(SIZE)
    assert rows.tolist() == [2, 9]
    assert sides.tolist() == [LONG, SHORT]


@pytest.mark.parametrize(
    "rows, columns, words",
    [
        ([3, 60], {}, "rows from 3 to 60; there are 60 bars"),
        ([-1], {}, "rows from -1 to -1; there are 60 bars"),
        ([0.5], {}, r"rows of float64 in the shape \(1,\); they must be indices"),
        (np.zeros((2, 2), int), {}, r"in the shape \(2, 2\)"),
        (np.ones(SIZE, bool), {}, "rows of bool"),
        ([3, 9, 3], {}, "two entries at bar 3; a bar has one"),
        ([3, 9], {"stop": [1.0, 2.0, 3.0]}, r"stop has shape \(3,\); the rows have \(2,\)"),
        ([3, 9], {"stop": np.ones(SIZE)}, r"the rows have \(2,\): give stop\[rows\]"),
        ([3, 9], {"max_bars": [1]}, r"max_bars has shape \(1,\); the rows have \(2,\)"),
    ],
)
def test_what_is_no_row_or_does_not_fit_is_refused(rows: Any, columns: dict[str, Any], words: str) -> None:
    with pytest.raises(ComponentError, match=words):
        at(rows, **columns)


@pytest.mark.parametrize("value", ["2%", ["1", "2"], [None, "x"], np.array(["2017-01-01"] * 2, "M8[ns]")])
@pytest.mark.parametrize("name", ["entry", "stop", "target", "confidence", "trail", "max_bars"])
def test_what_is_no_number_is_refused_by_name(name: str, value: Any) -> None:
    words = f"signals.{name} holds .*; it must (hold numbers|be LONG)"
    with pytest.raises(ComponentError, match=words):
        SignalColumns(at([3, 9], **{name: value}), BARS)
    columns = {"entry": np.ones(SIZE), "stop": 1.0, name: value if isinstance(value, str) else np.resize(value, SIZE)}
    with pytest.raises(ComponentError, match=words):
        SignalColumns(Signals(**columns), BARS)


def test_none_among_numbers_is_no_level() -> None:
    assert np.isnan(SignalColumns(at([3, 9], target=np.array([None, 2.0], object)), BARS).targets).tolist() == [
        True,
        False,
    ]


def test_levels_may_be_whole_numbers() -> None:
    signals = at([3], stop=[1], target=[7], trail=[2], max_bars=[5])
    for column, value in ((signals.stop, 1.0), (signals.target, 7.0), (signals.trail, 2.0)):
        assert isinstance(column, np.ndarray)
        assert column[3] == value
        assert np.isnan(np.delete(column, 3)).all()
    assert (signals.entry.dtype, signals.stop.dtype) == (np.int8, np.float64)
    row = SignalColumns(signals, BARS).row(3)
    assert (row.entry, row.stop, row.target, row.trail, row.max_bars) == (LONG, 1.0, 7.0, 2.0, 5)


def test_the_number_of_bars_is_no_bars() -> None:
    with pytest.raises(ComponentError, match=r"given Bars as the number of bars; pass len\(bars\)"):
        Signals.at([3], BARS, entry=LONG, stop=1.0)  # type: ignore[arg-type]


def test_a_side_that_is_none_is_named_with_its_bar() -> None:
    with pytest.raises(ComponentError, match=r"signals.entry is 2 at 2023-01-02 00:15 UTC; it must be LONG"):
        SignalColumns(at([3], entry=2), BARS)


def test_other_bars_than_it_was_told_of_are_refused() -> None:
    with pytest.raises(ComponentError, match="was told of 60 bars; there are 10"):
        SignalColumns(at([3]), BARS.slice(0, 10))


def test_levels_a_distance_away_lie_against_and_with_the_side() -> None:
    bars, unit = BARS, np.full(SIZE, 0.5)
    found = {LONG: np.array([5, 9]), SHORT: np.array([7])}
    signals = Signals.at_distance(bars, found, unit, stop=2.0, target=3.0, confidence=0.25)
    assert np.flatnonzero(signals.entry).tolist() == [5, 7, 9]
    assert signals.entry[[5, 7, 9]].tolist() == [LONG, SHORT, LONG]
    assert signals.target is not None
    assert (signals.stop[5], signals.target[5]) == (bars.close[5] - 1.0, bars.close[5] + 1.5)
    assert (signals.stop[7], signals.target[7]) == (bars.close[7] + 1.0, bars.close[7] - 1.5)
    assert signals.confidence == 0.25


def test_nothing_at_all_is_said() -> None:
    said = SignalColumns(at([], stop=[]), BARS)
    assert said.entry_rows.tolist() == []
    assert said.row(5).entry == 0


_NUMBERS = st.floats(0.5, 2.0)


@given(st.data())
def test_the_engine_hears_the_same(data: st.DataObject) -> None:
    rows = data.draw(st.lists(st.integers(0, SIZE - 1), unique=True))

    def column(values: st.SearchStrategy[Any]) -> list[Any]:
        return data.draw(st.lists(values, min_size=len(rows), max_size=len(rows)))

    given_ = {
        "entry": column(st.sampled_from([LONG, SHORT, 0])),
        "stop": column(_NUMBERS),
        "target": data.draw(st.sampled_from([None, 3.0])) or column(_NUMBERS | st.just(np.nan)),
        "confidence": data.draw(st.sampled_from([0.25, None])) or column(st.floats(0.0, 1.0)),
        "trail": data.draw(st.sampled_from([None, 0.1])) or column(_NUMBERS),
        "max_bars": data.draw(st.sampled_from([3, None])) or column(st.integers(0, 9)),
        "exit": np.array(data.draw(st.lists(st.booleans(), min_size=SIZE, max_size=SIZE))),
    }
    signals = Signals.at(np.array(rows, np.int64), SIZE, **given_)
    plain = Signals(**{field.name: getattr(signals, field.name) for field in attrs.fields(Signals)})
    one, other = SignalColumns(Signals.at(rows, SIZE, **given_), BARS), SignalColumns(plain, BARS)
    for i in range(SIZE):
        mine, its = (said.row(i)._replace(reason="") for said in (one, other))
        assert mine == its or (mine.entry == 0 and mine.exit == its.exit)


def test_a_run_has_its_own_memory_of_what_was_said() -> None:
    """A strategy may write all symbols into the same arrays: each symbol has what was said of it."""

    @attrs.frozen
    class Shared:
        level: Any = attrs.field(factory=lambda: np.zeros(SIZE))
        leaves: Any = attrs.field(factory=lambda: np.zeros(SIZE, np.bool_))
        warmup: int = 0

        def signals(self, bars: Bars) -> Signals:
            self.level[:] = bars.close * 0.9
            self.leaves[:] = bars.symbol == BARS.symbol
            return Signals(entry=np.full(SIZE, LONG, np.int8), stop=self.level, target=self.level, exit=self.leaves)

    bars = [BARS, attrs.evolve(markets.trending(2, SIZE), symbol="OTHER/USDT")]
    strategy = Shared()
    said = [SignalColumns(strategy.signals(each), each) for each in bars]
    for columns, each in zip(said, bars, strict=True):
        np.testing.assert_array_equal(columns.stops, each.close * 0.9)
        np.testing.assert_array_equal(columns.targets, each.close * 0.9)
        assert columns.exits is not None
        assert set(columns.exits) == {each is BARS}


def test_a_run_by_rows_is_the_run_by_columns() -> None:
    @attrs.frozen
    class Both:
        by_rows: bool
        warmup: int = 0

        def signals(self, bars: Bars) -> Signals:
            rows = np.arange(3, len(bars), 7)
            made = Signals.at(rows, len(bars), entry=LONG, stop=bars.close[rows] * 0.99, target=bars.close[rows] * 1.01)
            return made if self.by_rows else attrs.evolve(made)

    runs = [
        simulate(pipeline, load_market(pipeline))
        for pipeline in (example_pipeline(strategy=Both(by)) for by in (True, False))
    ]
    assert len(runs[0].trades["side"]) > 3
    for name, column in runs[0].trades.items():
        np.testing.assert_array_equal(column, runs[1].trades[name])
