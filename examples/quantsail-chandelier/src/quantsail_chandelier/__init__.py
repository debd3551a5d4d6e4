"""Announces the strategy of this plugin; imports nothing heavy."""

from __future__ import annotations

from collections.abc import Iterable

from quantsail_framework import Component, hookimpl


@hookimpl
def quantsail_strategies() -> Iterable[Component]:
    """The strategy `chandelier`."""
    yield Component(
        "chandelier",
        "quantsail_chandelier.strategy:Chandelier",
        "Buys breakouts, with a stop that hangs from the highest high.",
    )
