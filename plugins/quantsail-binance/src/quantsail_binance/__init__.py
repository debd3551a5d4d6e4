"""Announces the cost model ``binance-spot``; imports nothing heavy."""

from __future__ import annotations

from collections.abc import Iterable

from quantsail_framework import Component, hookimpl


@hookimpl
def quantsail_cost_models() -> Iterable[Component]:
    """The cost model of this plugin."""
    yield Component(
        "binance-spot",
        "quantsail_binance.costs:BinanceSpotCosts",
        "Binance spot fees by VIP level, spread and slippage.",
    )
