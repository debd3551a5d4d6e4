"""``generate-signal`` keeps the contract of bar strategies, with a class that is installed."""

from __future__ import annotations

from quantsail_framework.testing import BarStrategyContract


class TestGenerateSignal(BarStrategyContract):
    plugin = "quantsail_generate_signal"
    component = "generate-signal"
    bars = 60  # each takes a third of a millisecond
