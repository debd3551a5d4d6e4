"""Every defect that was found in the program Quantsail began as has a test, or a worked scenario, named after it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TESTS = [*ROOT.glob("tests/**/*.py"), *ROOT.glob("plugins/*/tests/**/*.py")]
# A test function, or a scenario of tests/reference, which test_scenario runs: d037_..., and of several d077_d078_...
NAMES = re.compile(r"(?:def test_|^ +\")((?:d\d{3}_)+)", re.MULTILINE)
# Numbers of the list of defects, by what they are about.
DEFECTS = {
    "backtest engine": range(26, 56),
    "strategies": range(72, 84),
    "cost model": range(95, 102),
    "sizer and portfolio risk": range(102, 119),
    "alerts and metrics": range(119, 134),
}


@pytest.fixture(scope="module")
def covered() -> set[int]:
    names = (name for path in TESTS for name in NAMES.findall(path.read_text(encoding="utf-8")))
    return {int(number) for name in names for number in re.findall(r"\d{3}", name)}


@pytest.mark.parametrize("part", DEFECTS)
def test_every_defect_has_a_test(part: str, covered: set[int]) -> None:
    assert set(DEFECTS[part]) - covered == set()
