"""Every rule keeps the contract of risk rules."""

from __future__ import annotations

from quantsail_framework.testing import RiskRuleContract


class TestProfitabilityGate(RiskRuleContract):
    plugin = "quantsail_risk"
    component = "profitability-gate"


class TestMaxConcurrentPositions(RiskRuleContract):
    plugin = "quantsail_risk"
    component = "max-concurrent-positions"


class TestMaxDailyTrades(RiskRuleContract):
    plugin = "quantsail_risk"
    component = "max-daily-trades"


class TestMaxExposure(RiskRuleContract):
    plugin = "quantsail_risk"
    component = "max-exposure"


class TestMaxDailyLoss(RiskRuleContract):
    plugin = "quantsail_risk"
    component = "max-daily-loss"


class TestMaxDailyLossWithOpenPositions(RiskRuleContract):
    plugin = "quantsail_risk"
    component = "max-daily-loss"
    options = {"limit": 20.0, "include_open": True, "action": "flatten"}


class TestMaxCorrelatedPositions(RiskRuleContract):
    plugin = "quantsail_risk"
    component = "max-correlated-positions"
