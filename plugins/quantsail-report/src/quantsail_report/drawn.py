"""The section of a Monte Carlo: a row for each test."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from quantsail_framework.domain.result import RunResult
from quantsail_report.numbers import MISSING, Format, change, percent, plain
from quantsail_report.section import Row, Section

_MARK = "_p50_max_drawdown"  # every test has it
_OF_TEST: Mapping[str, tuple[str, Format]] = {
    "profitable_share": ("profitable", percent),
    "p5_total_return": ("return: 5%", change),
    "p50_total_return": ("median", change),
    "p95_total_return": ("95%", change),
    "p50_max_drawdown": ("drawdown: median", percent),
    "p95_max_drawdown": ("95%", percent),
    "probability_of_ruin": ("ruin", percent),
}
_RUIN = "probability_of_ruin"  # of the bootstrap


def draws(result: RunResult) -> Section | None:
    """How the draws of each test came out: a share, percentiles of return and drawdown."""
    tests = list(_tests(result.metrics))
    header = ("test", *(label for label, _ in _OF_TEST.values()))
    rows = tuple(_row(result.metrics, test) for test in tests)
    return Section("Draws", "l" + "r" * len(_OF_TEST), header, rows) if rows else None


def shown(metrics: Mapping[str, Any]) -> set[str]:
    """The names of the metrics that the section shows."""
    return {_name(test, figure) for test in _tests(metrics) for figure in _OF_TEST}


def _tests(metrics: Mapping[str, Any]) -> Iterator[str]:
    found = (name for name, value in metrics.items() if name.endswith(_MARK) and _is_number(value))
    return (name.removesuffix(_MARK) for name in found)


def _is_number(value: Any) -> bool:
    return value is None or isinstance(value, int | float)


def _name(test: str, figure: str) -> str:
    return _RUIN if (test, figure) == ("bootstrap", _RUIN) else f"{test}_{figure}"


def _row(metrics: Mapping[str, Any], test: str) -> Row:
    cells = [(plain(metrics.get(_name(test, figure))), form) for figure, (_, form) in _OF_TEST.items()]
    return test.replace("_", " "), *(
        form(value) if isinstance(value, int | float) else MISSING for value, form in cells
    )
