"""Announces the strategy ``mean-reversion``; imports nothing heavy."""

from __future__ import annotations

from collections.abc import Iterable

from quantsail_framework import Component, hookimpl


@hookimpl
def quantsail_strategies() -> Iterable[Component]:
    """The strategy of this plugin."""
    yield Component(
        "mean-reversion",
        "quantsail_mean_reversion.strategy:MeanReversionStrategy",
        "Buys the lower Bollinger band of a ranging market.",
    )
