"""Runners ``backtest`` and ``replay``: one pipeline over historical candles."""

from __future__ import annotations

from collections.abc import Iterable

from quantsail_framework import Component, hookimpl


@hookimpl
def quantsail_runners() -> Iterable[Component]:
    yield Component(
        "backtest",
        "quantsail_backtest.runners:BacktestRunner",
        "Tests a pipeline on historical candles, jumping from event to event.",
    )
    yield Component(
        "replay",
        "quantsail_backtest.runners:ReplayRunner",
        "Walks the same candles bar by bar through a simulated broker, as paper and live do.",
    )
