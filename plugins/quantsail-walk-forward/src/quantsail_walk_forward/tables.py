"""The tables of windows and of trials."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from quantsail_framework.domain.result import Column, Table
from quantsail_framework.search.result import METRICS, values_column
from quantsail_framework.search.space import Dimension, Space
from quantsail_walk_forward.judging import is_numeric
from quantsail_walk_forward.out_of_sample import WindowResult
from quantsail_walk_forward.training import Choice


def windows_table(space: Space, choices: Sequence[Choice], tested: Sequence[WindowResult]) -> Table:
    """A row a window; where it stays flat, its parameters and what training promised are missing."""
    edges = ("train_start", "train_end", "test_start", "test_end")
    chosen = [choice.chosen for choice in choices]
    promised = [{} if trial is None else trial.metrics for trial in chosen]
    return {
        "window": _whole(choice.window.number for choice in choices),
        **{f"{edge}_time": _whole(getattr(choice.window, f"{edge}_ns") for choice in choices) for edge in edges},
        "status": _text("flat" if trial is None else "chosen" for trial in chosen),
        **{
            each.path: _values(each, [(choice.parameters or {}).get(each.path) for choice in choices])
            for each in space.dimensions
        },
        "score": _numbers(None if trial is None else trial.score for trial in chosen),
        "train_return": _numbers(metrics.get("total_return") for metrics in promised),
        "test_return": _numbers(part.equity_return for part in tested),
        "train_profit_factor": _numbers(metrics.get("profit_factor") for metrics in promised),
        "test_profit_factor": _numbers(part.profit_factor for part in tested),
        "train_trades": _whole(int(metrics.get("total_trades", 0)) for metrics in promised),
        "test_trades": _whole(part.trades for part in tested),
        "test_net_pnl": _numbers(part.net_pnl for part in tested),
    }


def trials_table(space: Space, choices: Sequence[Choice]) -> Table:
    """A row a trial, window by window in grid order; ``score`` is missing where it did not qualify."""
    rows = [(choice.window.number, trial) for choice in choices for trial in choice.trials]
    trials = [trial for _, trial in rows]
    return {
        "trial": np.arange(len(rows), dtype=np.int64),
        "window": _whole(number for number, _ in rows),
        **{path: values_column([trial.values[path] for trial in trials]) for path in space.paths},
        "score": _numbers(trial.score for trial in trials),
        "status": _text(trial.status for trial in trials),
        "reason": _text(trial.reason for trial in trials),
        **{name: _numbers(trial.metrics.get(name) for trial in trials) for name in METRICS},
    }


def _values(dimension: Dimension, values: Sequence[Any]) -> Column:
    """The chosen values of a parameter: numbers, NaN for none; else text, empty for none."""
    if is_numeric(dimension):
        return _numbers(values)
    return _text("" if value is None else str(value) for value in values)


def _numbers(values: Iterable[float | None]) -> Column:
    return np.array([np.nan if value is None else value for value in values], np.float64)


def _whole(values: Iterable[int]) -> Column:
    return np.array(list(values), np.int64)


def _text(values: Iterable[str]) -> Column:
    return np.array(list(values), object)
