"""`chandelier` keeps the contract of its kind."""

from __future__ import annotations

from quantsail_framework.testing import BarStrategyContract


class TestContract(BarStrategyContract):
    plugin = "quantsail_chandelier"
    component = "chandelier"
