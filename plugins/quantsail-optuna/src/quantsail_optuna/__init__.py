"""Announces the runner `optuna`; imports nothing heavy."""

from __future__ import annotations

from collections.abc import Iterable

from quantsail_framework import Component, hookimpl


@hookimpl
def quantsail_runners() -> Iterable[Component]:
    """Trials that learn from those before."""
    yield Component(
        "optuna",
        "quantsail_optuna.runner:OptunaRunner",
        "Searches options with Optuna, trying more of what did well.",
        example={"parameters": {"strategy.every": {"min": 5, "max": 60}}, "trials": 12, "batch": 4},
    )
