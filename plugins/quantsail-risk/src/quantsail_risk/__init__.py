"""Announces the risk rules of this plugin; imports nothing heavy."""

from __future__ import annotations

from collections.abc import Iterable

from quantsail_framework import Component, hookimpl


@hookimpl
def quantsail_risk_rules() -> Iterable[Component]:
    """A gate on single trades, limits on the account, and breakers that pause or end trading."""
    yield Component(
        "profitability-gate",
        "quantsail_risk.profitability:ProfitabilityGate",
        "Refuses entries whose target would not earn enough after the costs of both legs.",
    )
    yield Component(
        "max-concurrent-positions",
        "quantsail_risk.limits:MaxConcurrentPositions",
        "Caps how many positions are open or waiting.",
        example={"limit": 3},
    )
    yield Component(
        "max-daily-trades",
        "quantsail_risk.limits:MaxDailyTrades",
        "Caps the accepted entries of a trading day.",
        example={"limit": 10},
    )
    yield Component(
        "max-daily-loss",
        "quantsail_risk.daily_loss:MaxDailyLoss",
        "Stops entries for the rest of a trading day that has lost too much.",
        example={"limit": 50.0},
    )
    yield Component(
        "max-exposure",
        "quantsail_risk.limits:MaxExposure",
        "Caps the gross notional of the account in percent of its equity.",
        example={"pct": 50.0},
    )
    yield Component(
        "max-correlated-positions",
        "quantsail_risk.correlation:MaxCorrelatedPositions",
        "Caps how many open markets may move like the new one.",
        example={"limit": 1},
    )
    yield Component(
        "max-drawdown",
        "quantsail_risk.drawdown:MaxDrawdown",
        "Stops or pauses trading once equity has fallen too far from its peak.",
        example={"pct": 10.0},
    )
    yield Component(
        "max-consecutive-losses",
        "quantsail_risk.losses:MaxConsecutiveLosses",
        "Pauses trading after too many losing trades in a row.",
        example={"limit": 3},
    )
    yield Component(
        "stop-loss-guard",
        "quantsail_risk.losses:StopLossGuard",
        "Pauses trading after too many stop-losses within a window.",
        example={"limit": 4, "window": "1d"},
    )
    yield Component(
        "cooldown",
        "quantsail_risk.losses:Cooldown",
        "Pauses a market, or all of them, after a losing trade.",
        example={"duration": "1h"},
    )
    yield Component(
        "daily-target",
        "quantsail_risk.daily_target:DailyTarget",
        "Ends a trading day that has earned enough.",
        example={"target": 100.0},
    )
    yield Component(
        "volatility-spike",
        "quantsail_risk.volatility:VolatilitySpike",
        "Pauses a market after a bar that spans far more than usual.",
        example={"duration": "1h"},
    )
