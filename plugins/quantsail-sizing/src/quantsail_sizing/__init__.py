"""Announces the sizer ``fixed-fractional``; imports nothing heavy."""

from __future__ import annotations

from collections.abc import Iterable

from quantsail_framework import Component, hookimpl


@hookimpl
def quantsail_sizers() -> Iterable[Component]:
    """The sizer of this plugin."""
    yield Component(
        "fixed-fractional",
        "quantsail_sizing.fixed_fractional:FixedFractional",
        "Risks a fixed share of equity per trade, within caps on position and cash.",
    )
