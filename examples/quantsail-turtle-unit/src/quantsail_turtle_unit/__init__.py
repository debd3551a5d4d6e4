"""Announces the sizer of this plugin; imports nothing heavy."""

from __future__ import annotations

from collections.abc import Iterable

from quantsail_framework import Component, hookimpl


@hookimpl
def quantsail_sizers() -> Iterable[Component]:
    """The sizer `turtle-unit`."""
    yield Component(
        "turtle-unit",
        "quantsail_turtle_unit.sizer:TurtleUnit",
        "Sizes a position by the market's average true range.",
    )
