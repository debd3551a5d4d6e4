"""Announces the risk rules of this plugin; imports nothing heavy."""

from __future__ import annotations

from collections.abc import Iterable

from quantsail_framework import Component, hookimpl


@hookimpl
def quantsail_risk_rules() -> Iterable[Component]:
    """A gate on single trades, and limits on the account."""
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
