"""The plugin's list of components; imports nothing heavy."""

from __future__ import annotations

from collections.abc import Iterable

from quantsail_framework import Component, hookimpl


@hookimpl
def quantsail_runners() -> Iterable[Component]:
    """Monte Carlo tests."""
    yield Component(
        "monte-carlo",
        "quantsail_monte_carlo.runner:MonteCarloRunner",
        "Shuffles, resamples and disturbs a backtest to see how much of its result was luck.",
        example={"min_trades": 5, "draws": 200, "jitter_draws": 8, "cost_runs": 4},
    )
