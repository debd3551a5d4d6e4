"""``generate-signal`` keeps the contract of bar strategies, with a class that is installed."""

from __future__ import annotations

from collections.abc import Mapping

from quantsail_framework import Bars
from quantsail_framework.testing import BarStrategyContract, markets


class TestGenerateSignal(BarStrategyContract):
    plugin = "quantsail_generate_signal"
    component = "generate-signal"

    def markets(self) -> Mapping[str, Bars]:
        """Shorter than usual, for each bar takes a third of a millisecond."""
        size = self.build().warmup + 60
        return {
            "trending": markets.trending(1, size),
            "gapping": markets.gapping(3, size),
            "silent": markets.random_walk(5, size, gaps=True, silent_bars=True),
        }
