"""Numbers worked by hand behind the figures: drawdowns, holding, months, bins, heat maps and their neighbours."""

from __future__ import annotations

import math
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantsail_framework import Bars, Timeframe
from quantsail_framework.domain.result import RunResult
from quantsail_framework.testing.examples import example_result
from quantsail_html import numbers
from quantsail_html.bins import histogram
from quantsail_html.drawing import largest, thinned
from quantsail_html.grid import REDUCE, cells, neighbours_mean, parameter, surroundings
from quantsail_html.markup import Html, table, tag
from quantsail_html.run import Run
from quantsail_html.sections.equity import held_equity, months, worst_drawdowns
from quantsail_html.sections.losses import costs
from quantsail_html.sections.sweep import sweep

HOUR = 3_600_000_000_000
NAN = math.nan


class Cells(HTMLParser):
    """The cells of the tables in a piece of markup, row by row."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.classes: list[list[str]] = []
        self._inside = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "tr":
            self.rows.append([])
            self.classes.append([])
        self._inside = tag in ("td", "th")
        if self._inside:
            self.rows[-1].append("")
            self.classes[-1].append(dict(attrs).get("class") or "")

    def handle_endtag(self, tag: str) -> None:
        self._inside = False

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.rows[-1][-1] += data


def run_of(**parts: Any) -> Run:
    return Run(attrs.evolve(example_result(0), **parts), {})


# --- the account ---------------------------------------------------------------------------------


def test_the_worst_drawdowns_by_hand() -> None:
    # Capital 100, hourly closes. Below 100 at once for 2 bars; at 120 the peak at the close of bar 3, trough at bar 5.
    equity = np.array([95.0, 98.0, 110.0, 120.0, 114.0, 90.0, 120.0, 119.0])
    peak = np.maximum.accumulate(np.maximum(equity, 100.0))
    time = np.arange(8) * HOUR
    deep, early, late = worst_drawdowns(time, 1.0 - equity / peak, HOUR)
    assert (deep.depth, deep.peak, deep.trough, deep.recovery) == (0.25, 4 * HOUR, 6 * HOUR, 7 * HOUR)
    assert (early.depth, early.peak, early.trough, early.recovery) == (pytest.approx(0.05), 0, HOUR, 3 * HOUR)
    assert (late.peak, late.trough, late.recovery) == (7 * HOUR, 8 * HOUR, None)
    assert [each.days * 24 for each in (deep, early, late)] == pytest.approx([3.0, 3.0, 1.0])


def test_the_deepest_and_the_longest_drawdown_are_those_of_the_metrics(sample_run: tuple[RunResult, Path]) -> None:
    result = sample_run[0]
    run = Run(result, {})
    equity = result.equity["equity"]
    under = 1.0 - equity / np.maximum.accumulate(np.maximum(equity, run.capital or 0.0))
    found = worst_drawdowns(result.equity["time"], under, run.bar_ns, most=10_000)
    assert found[0].depth == pytest.approx(result.metrics["max_drawdown"])
    assert max(each.days for each in found) == pytest.approx(result.metrics["max_drawdown_duration_days"])


def test_holding_by_hand() -> None:
    # A is bought at 10 (its second bar), B at 100 (its first): half of the account each.
    a = _bars("A", [8.0, 10.0, 12.0], [9.0, 12.0, 15.0])
    b = _bars("B", [100.0, 90.0, 80.0], [90.0, 80.0, 50.0])
    facts = {
        "capital": 1_000.0,
        "symbols": [{"symbol": "A", "first_tradable": HOUR}, {"symbol": "B", "first_tradable": 0}],
    }
    equity = {"time": np.arange(3) * HOUR, "equity": np.full(3, 1_000.0)}
    held = held_equity(run_of(tables={"equity": equity}, facts=facts, market={"A": a, "B": b}))
    assert held is not None
    assert held.tolist() == pytest.approx([500 + 450, 600 + 400, 750 + 250])


def _bars(symbol: str, opens: list[float], closes: list[float]) -> Bars:
    first, last = np.array(opens), np.array(closes)
    high, low = np.maximum(first, last), np.minimum(first, last)
    return Bars(symbol, Timeframe("1h"), np.arange(len(opens)) * HOUR, first, high, low, last, np.ones(len(opens)))


def test_holding_ends_where_the_metric_says(sample_run: tuple[RunResult, Path]) -> None:
    held = held_equity(Run(sample_run[0], {}))
    assert held is not None
    assert held[-1] / 10_000.0 - 1.0 == pytest.approx(sample_run[0].metrics["buy_and_hold_return"])


def test_months_compound_to_the_year_and_are_shaded_by_size() -> None:
    by_month = {"2023-11": {"total_return": 0.1}, "2023-12": {"total_return": -0.05}, "2024-01": {"total_return": None}}
    section = months(run_of(metrics={"by_month": by_month}))
    assert section is not None
    grid = Cells(section.above)
    assert grid.rows[1][11:] == ["+10.00 %", "-5.00 %", "+4.50 %"]  # 1.1 * 0.95 - 1
    assert [each.split()[-1] for each in grid.classes[1][11:13]] == ["up4", "down3"]
    assert grid.rows[2][1] == grid.rows[2][13] == numbers.MISSING


def test_costs_by_hand() -> None:
    result = example_result(3)
    trades = {**result.trades, "quantity": np.full(3, 1.0), "entry_price": np.full(3, 100.0)}
    trades["exit_price"] = np.full(3, 100.0)
    metrics = {"total_fees": 3.0, "total_spread": 2.0, "total_slippage": 1.0, "total_net_pnl": 54.0}
    section = costs(run_of(tables={"trades": trades}, metrics=metrics))
    assert section is not None
    rows = Cells(section.boxes[0]).rows
    # Gross 60; traded 3 * (100 + 100) = 600.
    assert rows[1] == ["fees", "3.00", "5.0 %", "50.00"]
    assert rows[4] == ["all", "6.00", "10.0 %", "100.00"]


# --- fewer points --------------------------------------------------------------------------------


@given(st.integers(0, 9_000), st.integers(0, 2**32 - 1))
def test_a_thinned_curve_keeps_its_ends_and_extremes(size: int, seed: int) -> None:
    values = np.random.default_rng(seed).normal(size=size).cumsum()
    kept = thinned(values)
    assert len(kept) <= 2_000
    assert (np.diff(kept) > 0).all()
    if size:
        assert {0, size - 1, int(values.argmin()), int(values.argmax())} <= set(kept.tolist())


def test_of_too_many_trades_the_largest_are_drawn_in_their_order() -> None:
    assert largest(np.array([1.0, -5.0, 0.5, 3.0]), 2).tolist() == [1, 3]


def test_bins_by_hand() -> None:
    # Quartiles 1.5 and 4.5, width 2 * 3 / 7^(1/3) = 3.1, so 6 / 3.1 -> 2 bins; sqrt(7) asks for 3.
    edges, counts = histogram(np.array([0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, NAN]))
    assert edges.tolist() == [0.0, 2.0, 4.0, 6.0]
    assert counts.tolist() == [2, 2, 3]


@pytest.mark.parametrize(("values", "counts"), [([], []), ([NAN], []), ([7.0, 7.0], [2])])
def test_bins_of_next_to_nothing(values: list[float], counts: list[int]) -> None:
    assert histogram(np.array(values))[1].tolist() == counts


# --- heat maps -----------------------------------------------------------------------------------

ACROSS = parameter("a", np.array([10, 10, 20, 20, 20]))
UP = parameter("b", np.array(["x", "y", "x", "x", "y"], object))
SCORES = np.array([1.0, 2.0, 3.0, 5.0, NAN])


def test_cells_hold_the_best_or_the_mean_over_the_other_parameters() -> None:
    assert (ACROSS.labels, UP.labels) == (("10", "20"), ("x", "y"))
    np.testing.assert_equal(cells(ACROSS, UP, SCORES, REDUCE["best"]), [[1.0, 5.0], [2.0, NAN]])
    np.testing.assert_equal(cells(ACROSS, UP, SCORES, REDUCE["mean"]), [[1.0, 4.0], [2.0, NAN]])


def test_the_surroundings_of_a_cell_leave_it_out() -> None:
    around = surroundings(np.array([[1.0, 2.0, 3.0], [4.0, 100.0, NAN]]))
    np.testing.assert_allclose(around, [[106 / 3, 108 / 4, 102 / 2], [103 / 3, 10 / 4, 105 / 3]])
    np.testing.assert_equal(surroundings(np.array([[5.0]])), [[NAN]])


def test_neighbours_are_at_most_one_step_away_in_every_parameter() -> None:
    first = parameter("a", np.array([1, 2, 3, 4, 2]))
    second = parameter("b", np.array([1.0, 1.0, 1.0, 1.0, 2.0]))
    scores = np.array([10.0, 50.0, 20.0, 40.0, 30.0])
    assert neighbours_mean([first, second], scores, 1) == pytest.approx((10 + 20 + 30) / 3)
    assert neighbours_mean([first, second], scores, 3) == 20.0
    assert neighbours_mean([parameter("a", np.array([1, 1]))], np.array([1.0, 2.0]), 0) is None


def test_of_many_values_ranges_are_the_levels() -> None:
    found = parameter("a", np.linspace(0.0, 12.0, 100))
    assert len(found.labels) == 12
    assert found.labels[0] == "0…1"
    assert (np.diff(found.codes) >= 0).all()
    assert found.codes[-1] == 11


def test_a_lone_peak_shows_beside_its_neighbours(sweep_result: RunResult) -> None:
    section = sweep(Run(sweep_result, {}))
    assert section is not None
    rows = Cells(section.below).rows
    best = rows[1]
    assert best[:2] == ["1", "7"]
    assert best[5] == "4"
    assert float(best[6]) < 2.0


def test_a_sweep_of_one_parameter_and_one_without_scores_are_shown_too() -> None:
    trials = {"trial": np.arange(3), "a": np.array([1, 2, 3]), "score": np.array([0.1, 0.2, NAN])}
    one = sweep(run_of(tables={"trials": trials}, facts={"parameters": ["a"]}))
    assert one is not None
    assert [figure.name for figure in one.figures] == ["sweep-map", "sweep-scores"]
    none = sweep(run_of(tables={"trials": {**trials, "score": np.full(3, NAN)}}, facts={"parameters": ["a"]}))
    assert none is not None
    assert none.figures == ()
    assert "No trial has a score." in none.below


# --- markup and figures --------------------------------------------------------------------------


def trials_of(**more: Any) -> Run:
    """Trials of one parameter with three values, each tried twice."""
    trials = {
        "trial": np.arange(6),
        "strategy.atr_period": np.array([10, 14, 20] * 2),
        "score": np.array([1.0, 2.0, 3.0, 10.0, 20.0, 30.0]),
    }
    facts = {"parameters": ["strategy.atr_period"], **more.pop("facts", {})}
    return run_of(tables={"trials": trials | more}, facts=facts)


def test_neighbours_of_a_walk_forward_are_those_of_the_same_window() -> None:
    section = sweep(trials_of(window=np.array([1, 1, 1, 2, 2, 2])))
    assert section is not None
    header, *rows = Cells(section.below).rows
    assert header[:6] == ["#", "trial", "window", "atr_period", "score", "neighbours"]
    # Of the middle value the neighbours are the first and the last of its own window: (10 + 30) / 2 and (1 + 3) / 2.
    assert {row[1]: row[5] for row in rows} == {"5": "20", "4": "20", "3": "20", "2": "2", "1": "2", "0": "2"}
    assert [row[2] for row in rows] == ["2", "2", "2", "1", "1", "1"]


def test_of_several_objectives_the_first_orders_and_all_are_in_the_table() -> None:
    facts = {"objective": ["sharpe", "total-return"]}
    section = sweep(trials_of(score_2=np.array([6.0, 5.0, 4.0, 3.0, 2.0, NAN]), facts=facts))
    assert section is not None
    assert section.figures[0].title == "sharpe by strategy.atr_period"
    header, first, second, *_ = Cells(section.below).rows
    assert header == ["#", "trial", "atr_period", "sharpe", "neighbours", "total-return"]
    assert (first[3], first[5]) == ("30", "–")
    assert (second[3], second[5]) == ("20", "2")


def test_what_no_trial_beats_in_all_objectives_stands_out() -> None:
    facts = {"objective": ["sharpe", "total-return"]}
    run = trials_of(score_2=np.array([6.0, 5.0, 4.0, 3.0, 2.0, NAN]), facts=facts)
    run.result.tables["pareto"] = {"trial": np.array([0, 4, 3])}
    section = sweep(run)
    assert section is not None
    front = section.figures[-1]
    assert (front.name, front.title) == ("sweep-front", "sharpe against total-return")
    assert "No other trial beats these 3" in front.says
    others, best = front.variants[""]["data"]
    assert best["x"].tolist() == [1.0, 10.0, 20.0]
    assert others["text"] == ["trial 1", "trial 2", "trial 5"]
    _, *rows = Cells(front.tables[""]).rows
    assert rows == [["4", "20", "2"], ["3", "10", "3"], ["0", "1", "6"]]


def test_text_is_escaped_and_markup_is_not() -> None:
    assert tag("p", "<a>", Html("<b>&</b>"), title='"') == '<p title="&quot;">&lt;a&gt;<b>&</b></p>'
    assert "<td>&lt;x&gt;</td>" in table(("h",), [("<x>",)], "l", "c")


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (numbers.change(0.1234), "+12.34 %"),
        (numbers.change(-0.00001), "0.00 %"),
        (numbers.change(0.00001), "0.00 %"),
        (numbers.percent(None), numbers.MISSING),
        (numbers.number(NAN), numbers.MISSING),
        (numbers.number(1234.5), "1,234.50"),
        (numbers.result(3.0, 2), "+3.00"),
        (numbers.general(True), "yes"),
        (numbers.general(np.float64(0.1)), "0.1"),
        (numbers.general([1, 2.5]), "1, 2.5"),
        (numbers.moment(0), "1970-01-01 00:00"),
    ],
)
def test_figures_as_people_read_them(shown: str, expected: str) -> None:
    assert shown == expected
