"""Announces the cost models ``binance-spot`` and ``basis-points``; imports nothing heavy."""

from __future__ import annotations

from collections.abc import Iterable

from quantsail_framework import Component, hookimpl


@hookimpl
def quantsail_cost_models() -> Iterable[Component]:
    """The cost models of this plugin."""
    yield Component(
        "binance-spot",
        "quantsail_binance.costs:BinanceSpotCosts",
        "Binance spot fees by VIP level, spread and slippage.",
    )
    yield Component("basis-points", "quantsail_binance.basis_points:BasisPointsCosts", "The same basis points for all.")
