"""`internal-bar-strength` on bars worked by hand."""

from __future__ import annotations

import numpy as np
import pytest
from quantsail_framework import Bars, Timeframe

from quantsail_internal_bar_strength.strategy import InternalBarStrength

DAY_NS = 86_400_000_000_000
# High, low, close: strengths of 0.1, 0.5, 0.9, and a bar without a range.
ROWS = np.array([(110.0, 100.0, 101.0), (110.0, 100.0, 105.0), (110.0, 100.0, 109.0), (100.0, 100.0, 100.0)])


@pytest.fixture
def bars() -> Bars:
    high, low, close = ROWS.T
    return Bars("A/USD", Timeframe("1d"), np.arange(4) * DAY_NS, close, high, low, close, np.ones(4))


def test_it_enters_near_the_low_and_leaves_near_the_high(bars: Bars) -> None:
    signals = InternalBarStrength().signals(bars)
    assert signals.entry.tolist() == [1, 0, 0, 0]
    assert signals.column("exit", 4, bool, False).tolist() == [False, False, True, False]
    assert signals.stop[0] == pytest.approx(95.95)  # 101 less 5 %
    assert signals.reason(0) == "internal bar strength 0.10, below 0.2"
