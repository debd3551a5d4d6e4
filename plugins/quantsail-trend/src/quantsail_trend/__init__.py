"""Announces the strategy ``trend``; imports nothing heavy."""

from __future__ import annotations

from collections.abc import Iterable

from quantsail_framework import Component, hookimpl


@hookimpl
def quantsail_strategies() -> Iterable[Component]:
    """The strategy of this plugin."""
    yield Component("trend", "quantsail_trend.strategy:TrendStrategy", "Buys breakouts in a trending market.")
