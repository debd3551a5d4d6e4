"""`martin` on an equity curve worked by hand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from quantsail_framework import RunResult

from quantsail_martin.objective import Martin


def result(equity: Sequence[float], growth: float | None = 0.12) -> RunResult:
    """A run with that curve and that growth a year."""
    return RunResult("backtest", "first", {"equity": {"equity": np.array(equity, np.float64)}}, {"cagr": growth})


# Drawdowns of 0, 0.2, 0.1 and 0: the root of (0.04 + 0.01) / 5 is 0.1.
CURVE = [100.0, 80.0, 90.0, 100.0, 120.0]


def test_growth_is_divided_by_the_ulcer_index() -> None:
    assert Martin().score(result(CURVE)) == pytest.approx(1.2)  # 0.12 / 0.1
    assert Martin(risk_free_pct=4.0).score(result(CURVE)) == pytest.approx(0.8)  # (0.12 - 0.04) / 0.1


def test_the_longer_of_two_drawdowns_of_one_depth_scores_less() -> None:
    longer = [100.0, 80.0, 80.0, 80.0, 120.0]
    assert Martin().score(result(longer)) == pytest.approx(0.12 / np.sqrt(3 * 0.04 / 5))


@pytest.mark.parametrize(
    "undefined", [result(CURVE, growth=None), result([100.0, 100.0, 120.0]), result([])], ids=["growth", "pain", "bars"]
)
def test_what_has_no_ratio_has_no_score(undefined: RunResult) -> None:
    assert Martin().score(undefined) is None
