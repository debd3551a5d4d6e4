"""Announces the strategy of this plugin; imports nothing heavy."""

from __future__ import annotations

from collections.abc import Iterable

from quantsail_framework import Component, hookimpl


@hookimpl
def quantsail_strategies() -> Iterable[Component]:
    """The strategy `internal-bar-strength`."""
    yield Component(
        "internal-bar-strength",
        "quantsail_internal_bar_strength.strategy:InternalBarStrength",
        "Buys bars that close near their low.",
    )
