"""Announces the risk rule of this plugin; imports nothing heavy."""

from __future__ import annotations

from collections.abc import Iterable

from quantsail_framework import Component, hookimpl


@hookimpl
def quantsail_risk_rules() -> Iterable[Component]:
    """The risk rule `trading-hours`."""
    yield Component(
        "trading-hours",
        "quantsail_trading_hours.rule:TradingHours",
        "Refuses entries outside of some hours.",
    )
