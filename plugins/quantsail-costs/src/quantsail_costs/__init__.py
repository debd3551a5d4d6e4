"""Announces cost models that fit any venue, and one that adds up others; imports nothing heavy."""

from __future__ import annotations

from collections.abc import Iterable

from quantsail_framework import Component, hookimpl


@hookimpl
def quantsail_cost_models() -> Iterable[Component]:
    """The cost models of this plugin."""
    yield Component("basis-points", "quantsail_costs.basis_points:BasisPointsCosts", "The same basis points for all.")
    yield Component(
        "volume-slippage",
        "quantsail_costs.volume_slippage:VolumeSlippageCosts",
        "Slippage by the square root of the order's share of the volume, and by volatility.",
    )
    yield Component(
        "composed",
        "quantsail_costs.composed:ComposedCosts",
        "The sum of several cost models.",
        example={"models": [{"use": "volume-slippage", "window": 20}, {"use": "basis-points", "spread_bps": 0.0}]},
    )
    yield Component(
        "per-symbol",
        "quantsail_costs.per_symbol:PerSymbolCosts",
        "One cost model for most markets, others for some.",
        example={"default": {"use": "basis-points"}, "symbols": {"TEST/USDT": {"use": "volume-slippage"}}},
    )
