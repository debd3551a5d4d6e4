"""Announces the strategy ``generate-signal``; imports nothing heavy."""

from __future__ import annotations

from collections.abc import Iterable

from quantsail_framework import Component, hookimpl


@hookimpl
def quantsail_strategies() -> Iterable[Component]:
    """The strategy of this plugin."""
    yield Component(
        "generate-signal",
        "quantsail_generate_signal.strategy:GenerateSignalStrategy",
        "Runs a class with generate_signal(candles) unchanged, bar by bar and slowly.",
        example={"class_name": "quantsail_generate_signal.example:HigherCloses"},
        contract={"bars": 60},
    )
