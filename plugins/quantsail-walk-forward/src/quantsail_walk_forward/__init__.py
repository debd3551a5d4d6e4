"""The plugin's list of components; imports nothing heavy."""

from __future__ import annotations

from collections.abc import Iterable

from quantsail_framework import Component, hookimpl


@hookimpl
def quantsail_runners() -> Iterable[Component]:
    """Walk-forward analysis."""
    yield Component(
        "walk-forward",
        "quantsail_walk_forward.runner:WalkForwardRunner",
        "Chooses parameters on one stretch of time and judges them on the next, window after window.",
        example={"train_days": 0.5, "test_days": 0.25, "parameters": {"strategy": {"every": [10, 20]}}},
    )
