"""Announces the objective of this plugin; imports nothing heavy."""

from __future__ import annotations

from collections.abc import Iterable

from quantsail_framework import Component, hookimpl


@hookimpl
def quantsail_objectives() -> Iterable[Component]:
    """The objective `martin`."""
    yield Component(
        "martin",
        "quantsail_martin.objective:Martin",
        "Scores growth over the depth and length of all drawdowns.",
    )
