"""Announces the strategy ``volatility-expansion``; imports nothing heavy."""

from __future__ import annotations

from collections.abc import Iterable

from quantsail_framework import Component, hookimpl


@hookimpl
def quantsail_strategies() -> Iterable[Component]:
    """The strategy of this plugin."""
    yield Component(
        "volatility-expansion",
        "quantsail_volatility_expansion.strategy:VolatilityExpansionStrategy",
        "Follows the first wide bar out of a squeeze.",
    )
