"""quantsail compare: what it prints word for word, and the chart by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantsail_framework.cli.chart import Curve, chart
from tests.cli import made
from tests.cli.test_terminal import on_a_terminal
from tests.plugins_.site import FakeSite

GOLDEN = Path(__file__).parent / "golden"
RISK = [{"use": "max-daily-trades", "limit": 3}, {"use": "max-exposure", "pct": 50.0}]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``first``; ``second`` with other options, data, code and version; ``search`` of another shape."""
    folder = tmp_path_factory.mktemp("compare")
    made.write(folder / "first", code={"my.py": "c3" * 32})
    first = made.result()
    symbols = [{**first.facts["symbols"][0], "sha256": "d4" * 32}, first.facts["symbols"][1]]
    equity = made.table({"time": [0, 5, 11], "equity": [1_000.0, 1_000.0, 980.0]})
    made.write(
        folder / "second",
        made.result(
            tables={**first.tables, "equity": equity},
            metrics={**first.metrics, "total_return": -0.02, "sharpe": -1.23456789},
            undefined={},
            facts={**first.facts, "symbols": symbols},
        ),
        version="0.2.0",
        resolved={**made.RESOLVED, "strategy": {"use": "trend", "lookback": 55, "allow_short": False}, "risk": RISK},
        code={"my.py": "e5" * 32},
    )
    search = made.result(
        kind="walk-forward", tables={}, metrics={"windows": 3, "total_trades": 2}, undefined={}, verdict="pass"
    )
    made.write(folder / "search", search, code={"my.py": "c3" * 32})
    return folder


def test_two_runs_and_one_of_another_shape_word_for_word(site: FakeSite, runs: Path) -> None:
    done = site.quantsail("compare", "first", "second", "search", cwd=runs, load="")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (GOLDEN / "compare.txt").read_text(encoding="utf-8")


def test_equal_runs_have_no_difference(site: FakeSite, runs: Path) -> None:
    lines = site.quantsail("compare", "first", "first", cwd=runs, load="").stdout.splitlines()
    told = [line for line in lines if line.endswith("no difference")]
    kinds = ("pipeline", "data", "plugins", "libraries", "local files")
    assert told == [f"{kind}: no difference" for kind in kinds]
    assert not any(line.startswith("* ") for line in lines)


def test_json_has_every_value_and_whether_it_differs(site: FakeSite, runs: Path) -> None:
    document = json.loads(site.quantsail("compare", "first", "second", "--json", cwd=runs, load="").stdout)
    assert [(run["run"], run["folder"], run["kind"]) for run in document["runs"]] == [
        ("A", "first", "backtest"),
        ("B", "second", "backtest"),
    ]
    assert document["metrics"]["sharpe"] == {"differs": True, "values": [None, -1.23456789]}
    assert document["metrics"]["by_symbol"]["differs"] is False
    assert document["undefined"] == {"A": {"sharpe": "fewer than two days"}, "B": {}}
    assert document["pipeline"]["strategy.lookback"] == {"differs": True, "values": [20, 55]}
    assert document["pipeline"]["risk.max-exposure.pct"] == {"differs": True, "values": [None, 50.0]}
    assert document["data"]["BTC/USDT"]["values"] == ["a1" * 32, "d4" * 32]
    assert document["data"]["ETH/USDT"]["differs"] is False
    assert document["plugins"] == {"quantsail-trend": {"differs": True, "values": ["0.1.0", "0.2.0"]}}
    assert document["local_files"]["my.py"]["differs"] is True
    assert {row["differs"] for row in document["libraries"].values()} == {False}


def test_on_a_terminal_differing_rows_are_bold_and_the_chart_fills_the_width(runs: Path) -> None:
    program = "import sys; from quantsail_framework.cli import main; main(['compare', *sys.argv[1:]])"
    text = on_a_terminal(program, str(runs / "first"), str(runs / "second"))
    row = next(line for line in text.splitlines() if "total_return" in line)
    same = next(line for line in text.splitlines() if "total_trades" in line)
    assert "\x1b[1m" in row
    assert "\x1b[1m" not in same
    axis = text.splitlines()[-1]
    assert len(axis) == 80 - 1
    assert axis.split() == ["2024-01-01", "00:00", "2024-01-01", "11:00"]


def test_what_is_no_run_folder_is_named(site: FakeSite, runs: Path) -> None:
    (runs / "other").mkdir(exist_ok=True)
    done = site.quantsail("compare", "first", "other", cwd=runs, load="")
    assert (done.returncode, done.stderr) == (2, "error: 'other' is not a run folder: it has no manifest.json\n")
    done = site.quantsail("compare", "first", "gone", cwd=runs, load="")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "error: no run folder at 'gone'; `quantsail runs list` shows those there are\n"


@pytest.mark.parametrize("count", [0, 1, 27])
def test_too_few_or_too_many_runs_are_refused(count: int, site: FakeSite, runs: Path) -> None:
    done = site.quantsail("compare", *["first"] * count, cwd=runs, load="")
    assert done.returncode == 2
    assert f"compare takes from two to 26 run folders, got {count}" in done.stderr


def curve(letter: str, days: list[int], changes: list[float]) -> Curve:
    return Curve(letter, np.array(days, np.int64) * 86_400_000_000_000, np.array(changes))


def test_a_chart_by_hand() -> None:
    """Four rows from +20 % to -10 %, so 10 % each; five columns, the days 0, 1, 2, 3 and 4."""
    rising = curve("A", [0, 1, 2, 3, 4], [0.0, 0.1, 0.1, 0.2, 0.2])
    falling = curve("B", [1, 2], [0.1, -0.1])  # begins later and ends earlier
    assert chart([rising, falling], 5, height=4) == [
        "   +20.0% |   AA",
        "          | *A",
        "     0.0% |A",
        "   -10.0% |  B",
        "           1970-01-01 1970-01-05",
    ]


def test_a_column_shows_the_last_value_before_it() -> None:
    steps = curve("A", [0, 1, 9, 10], [0.0, 0.1, 0.1, 0.0])
    assert chart([steps], 3, height=2)[:2] == ["   +10.0% | A", "     0.0% |A A"]


@pytest.mark.parametrize("changes", [[0.0, 0.0], [0.25, 0.25]])
def test_a_level_curve_is_one_line(changes: list[float]) -> None:
    lines = chart([curve("A", [0, 1], changes)], 4, height=3)
    assert [line.endswith("AAAA") for line in lines[:3]] == [False, True, False]
    assert f"{changes[0]:+.1%}".removeprefix("+0.0%") in lines[1]


def test_one_bar_and_none_are_drawn_too() -> None:
    assert chart([curve("A", [0], [0.1])], 3, height=1)[0] == "   +10.0% |AAA"
    empty: Any = curve("A", [], [])
    assert chart([empty], 3) == chart([], 3) == []


CHANGES = st.lists(st.floats(-1.0, 1e9), min_size=1, max_size=30)


@given(st.lists(CHANGES, min_size=1, max_size=4), st.integers(2, 90), st.integers(1, 20))
def test_whatever_the_curves_each_is_seen_inside_the_chart(curves: list[list[float]], width: int, height: int) -> None:
    drawn = [curve(letter, list(range(len(values))), values) for letter, values in zip("ABCD", curves, strict=False)]
    *lines, _axis = chart(drawn, width, height)
    cells = [line.partition("|")[2] for line in lines]
    assert len(cells) == height
    assert max(map(len, cells)) <= width
    for column in range(width):
        seen = [row[column] for row in cells if column < len(row) and row[column] != " "]
        assert len(seen) <= len(drawn)
    for one in drawn:
        assert any(one.letter in row or "*" in row for row in cells)
