"""`trading-hours` keeps the contract of its kind."""

from __future__ import annotations

from quantsail_framework.testing import RiskRuleContract


class TestContract(RiskRuleContract):
    plugin = "quantsail_trading_hours"
    component = "trading-hours"
