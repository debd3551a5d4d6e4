"""Announces the cost model of this plugin; imports nothing heavy."""

from __future__ import annotations

from collections.abc import Iterable

from quantsail_framework import Component, hookimpl


@hookimpl
def quantsail_cost_models() -> Iterable[Component]:
    """The cost model `per-share`."""
    yield Component(
        "per-share",
        "quantsail_per_share.costs:PerShareCosts",
        "Charges stock commissions: per share, with a minimum and a maximum.",
        example={"fee_per_share": 0.005, "minimum": 1.0, "maximum_pct": 1.0},
    )
