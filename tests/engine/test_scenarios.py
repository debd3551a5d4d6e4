"""The scenarios worked by hand, through the engine and bar by bar through the broker."""

from __future__ import annotations

from typing import Any

import pytest

from tests.engine.pipelines import rows, run_every_way
from tests.reference.scenarios import SCENARIOS
from tests.reference.worked import Scenario, at


def _assert_rows(actual: list[dict[str, Any]], expected: list[dict[str, Any]]) -> None:
    close = [
        {name: pytest.approx(v, rel=1e-9, abs=1e-9) if isinstance(v, float) else v for name, v in row.items()}
        for row in expected
    ]
    named = [{name: row[name] for name in wanted} for row, wanted in zip(actual, expected, strict=False)]
    assert [len(actual), *named] == [len(expected), *close], actual


@pytest.mark.parametrize("scenario", SCENARIOS, ids=[scenario.name for scenario in SCENARIOS])
def test_scenario(scenario: Scenario) -> None:
    for run in run_every_way(scenario.markets, scenario.settings):
        _assert_rows(rows(run.trades), scenario.trades)
        _assert_rows(rows(run.refusals), scenario.refusals)
        if scenario.final_cash is not None:
            assert run.final_cash == pytest.approx(scenario.final_cash, rel=1e-9)
        points = {point["time"]: point["equity"] for point in rows(run.equity)}
        for bar, equity in scenario.equity:
            assert points[at(bar)] == pytest.approx(equity, rel=1e-9)
