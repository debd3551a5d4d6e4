"""Announces the runner of this plugin; imports nothing heavy."""

from __future__ import annotations

from collections.abc import Iterable

from quantsail_framework import Component, hookimpl


@hookimpl
def quantsail_runners() -> Iterable[Component]:
    """The runner `start-dates`."""
    yield Component(
        "start-dates",
        "quantsail_start_dates.runner:StartDates",
        "Repeats the backtest from several starts.",
    )
