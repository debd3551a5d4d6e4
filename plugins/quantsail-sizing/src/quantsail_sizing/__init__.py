"""Announces the sizers of this plugin; imports nothing heavy."""

from __future__ import annotations

from collections.abc import Iterable

from quantsail_framework import Component, hookimpl


@hookimpl
def quantsail_sizers() -> Iterable[Component]:
    """Four ways to choose a size, with the same caps."""
    yield Component(
        "fixed-fractional",
        "quantsail_sizing.fixed_fractional:FixedFractional",
        "Risks a fixed share of equity per trade, within caps on position and cash.",
    )
    yield Component(
        "fixed-notional",
        "quantsail_sizing.fixed_notional:FixedNotional",
        "Puts the same amount of money into every trade.",
        example={"notional": 1_000.0},
    )
    yield Component(
        "volatility-target",
        "quantsail_sizing.volatility_target:VolatilityTarget",
        "Sizes a position so that its value moves by a chosen volatility a year.",
    )
    yield Component(
        "kelly-fraction",
        "quantsail_sizing.kelly_fraction:KellyFraction",
        "Risks a part of what the Kelly criterion finds in the run's closed trades.",
    )
