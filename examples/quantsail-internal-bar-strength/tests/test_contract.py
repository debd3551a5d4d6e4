"""`internal-bar-strength` keeps the contract of its kind."""

from __future__ import annotations

from quantsail_framework.testing import StrategyContract


class TestContract(StrategyContract):
    plugin = "quantsail_internal_bar_strength"
    component = "internal-bar-strength"
