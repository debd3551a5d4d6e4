"""`junit` on results worked by hand."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import attrs
import pytest
from quantsail_framework import RunResult

from quantsail_junit.reporter import FILE, JUnit, suite

JUDGED = RunResult(
    "walk-forward",
    'R&D "<1>"',
    metrics={"total_return": 0.0123456789, "sharpe": None, "by_side": {}},
    undefined={"sharpe": "fewer than two days"},
    facts={
        "criteria": [
            {"name": "positive_windows", "value": 0.75, "limit": 0.7, "passed": True},
            {"name": "pooled_profit_factor", "value": 0.9, "limit": 1.1, "passed": False},
        ]
    },
    verdict="fail",
)


def test_the_file_in_full(tmp_path: Path) -> None:
    JUnit().write(JUDGED, tmp_path)
    assert (tmp_path / FILE).read_text(encoding="utf-8").splitlines() == [
        "<?xml version='1.0' encoding='utf-8'?>",
        "<testsuites>",
        '  <testsuite name="R&amp;D &quot;&lt;1&gt;&quot;" tests="3" failures="2" errors="0" skipped="0">',
        "    <properties>",
        '      <property name="total_return" value="0.0123457" />',
        '      <property name="sharpe" value="undefined: fewer than two days" />',
        "    </properties>",
        '    <testcase classname="walk-forward.R&amp;D &quot;&lt;1&gt;&quot;" name="positive_windows" />',
        '    <testcase classname="walk-forward.R&amp;D &quot;&lt;1&gt;&quot;" name="pooled_profit_factor">',
        '      <failure message="0.9, the limit is 1.1" />',
        "    </testcase>",
        '    <testcase classname="walk-forward.R&amp;D &quot;&lt;1&gt;&quot;" name="verdict">',
        '      <failure message="the verdict is fail" />',
        "    </testcase>",
        "  </testsuite>",
        "</testsuites>",
    ]


@pytest.mark.parametrize(
    ("verdict", "counted", "message"),
    [
        ("pass", (0, 0, 0), None),
        ("fail", (1, 0, 0), "the verdict is fail"),
        ("not_enough_data", (0, 1, 0), "the verdict is not_enough_data"),
        (None, (0, 0, 1), "backtest gives no verdict"),
    ],
)
def test_only_a_pass_is_green(verdict: str | None, counted: tuple[int, int, int], message: str | None) -> None:
    made = suite(RunResult("backtest", "first", verdict=verdict))
    assert (made.get("failures"), made.get("errors"), made.get("skipped")) == tuple(map(str, counted))
    assert [found.get("message") for found in made.findall("testcase/*")] == ([message] if message else [])


def test_a_value_that_is_undefined_has_failed_with_these_words() -> None:
    criterion = {"name": "shuffle_p95_max_drawdown", "value": None, "limit": 0.3, "passed": False}
    made = suite(RunResult("monte-carlo", "first", facts={"criteria": [criterion]}, verdict="fail"))
    messages = [failure.get("message") for failure in made.iter("failure")]
    assert messages == ["undefined, the limit is 0.3", "the verdict is fail"]


def test_what_xml_cannot_hold_is_replaced(tmp_path: Path) -> None:
    JUnit().write(attrs.evolve(JUDGED, name="a\x00b\ud800"), tmp_path)
    assert ElementTree.parse(tmp_path / FILE).getroot()[0].get("name") == "a\ufffdb\ufffd"
