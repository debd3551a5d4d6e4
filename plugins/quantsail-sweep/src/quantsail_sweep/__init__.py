"""Announces the runner `sweep` and the objectives; imports nothing heavy."""

from __future__ import annotations

from collections.abc import Iterable

from quantsail_framework import Component, hookimpl


@hookimpl
def quantsail_runners() -> Iterable[Component]:
    """A grid or seeded draws, every trial kept."""
    yield Component(
        "sweep",
        "quantsail_sweep.runner:SweepRunner",
        "Backtests every combination of options, or seeded draws of them, and keeps each trial.",
        example={"parameters": {"strategy.every": [10, 20, 40]}},
    )


@hookimpl
def quantsail_objectives() -> Iterable[Component]:
    """What a search can maximise."""
    yield Component(
        "profit-factor-ln-trades",
        "quantsail_framework.search.objective:ProfitFactorLnTrades",
        "Profit factor times the logarithm of the number of trades.",
    )
    yield Component("sharpe", "quantsail_sweep.objectives:Sharpe", "Mean daily return for its deviation, a year.")
    yield Component(
        "sortino", "quantsail_sweep.objectives:Sortino", "Mean daily return for its downside deviation, a year."
    )
    yield Component("calmar", "quantsail_sweep.objectives:Calmar", "Growth a year for the deepest drawdown.")
    yield Component("expectancy", "quantsail_sweep.objectives:Expectancy", "What a trade earns for what it risks.")
    yield Component("sqn", "quantsail_sweep.objectives:Sqn", "System quality number of the trades.")
    yield Component("total-return", "quantsail_sweep.objectives:TotalReturn", "What the account grew by.")
