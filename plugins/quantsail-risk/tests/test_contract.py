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


class TestMaxDrawdown(RiskRuleContract):
    plugin = "quantsail_risk"
    component = "max-drawdown"


class TestMaxDrawdownAsABreaker(RiskRuleContract):
    plugin = "quantsail_risk"
    component = "max-drawdown"
    options = {"pct": 1.0, "duration": "4h", "action": "flatten"}


class TestMaxConsecutiveLosses(RiskRuleContract):
    plugin = "quantsail_risk"
    component = "max-consecutive-losses"
    options = {"limit": 1}


class TestStopLossGuard(RiskRuleContract):
    plugin = "quantsail_risk"
    component = "stop-loss-guard"


class TestStopLossGuardThatFlattens(RiskRuleContract):
    plugin = "quantsail_risk"
    component = "stop-loss-guard"
    options = {"limit": 1, "window": "6h", "duration": "30m", "action": "flatten"}


class TestCooldown(RiskRuleContract):
    plugin = "quantsail_risk"
    component = "cooldown"


class TestCooldownOfAll(RiskRuleContract):
    plugin = "quantsail_risk"
    component = "cooldown"
    options = {"duration": "day", "scope": "all", "action": "flatten"}


class TestDailyTarget(RiskRuleContract):
    plugin = "quantsail_risk"
    component = "daily-target"
    options = {"target": 20.0, "include_open": True, "action": "flatten"}


class TestVolatilitySpike(RiskRuleContract):
    plugin = "quantsail_risk"
    component = "volatility-spike"


class TestVolatilitySpikeOnEveryOtherBar(RiskRuleContract):
    plugin = "quantsail_risk"
    component = "volatility-spike"
    options = {"duration": "run", "atr_multiple": 1.0, "atr_period": 2, "action": "flatten"}
