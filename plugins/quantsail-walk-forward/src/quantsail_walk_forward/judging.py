"""What the windows say together: efficiency, drift, and whether the walk is passed."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

from quantsail_framework.domain.result import Criterion
from quantsail_framework.domain.timeframe import NS_PER_DAY
from quantsail_framework.metrics.equity import cagr
from quantsail_framework.metrics.undefined import Undefined, Value
from quantsail_framework.search.space import Dimension, Space
from quantsail_walk_forward.out_of_sample import WindowResult
from quantsail_walk_forward.training import Choice

_ONE_WINDOW = Undefined("fewer than two windows have chosen parameters")


def walk_forward_efficiency(choices: Sequence[Choice], tested: Sequence[WindowResult]) -> Value:
    """Annual growth out of sample / annual growth in sample, over the windows that chose parameters.

    Growth = product of (1 + return) ** (365.25 / days) - 1: of the test windows above, of the training of the chosen
    parameters below. 1 means that the tests earned as much per year as the training had promised; below zero they lost.
    Undefined when no window chose, when a range is too short to annualise, or without growth in sample.
    Source: Pardo, The Evaluation and Optimization of Trading Strategies, 2nd ed., 2008.
    """
    pairs = [(choice, part) for choice, part in zip(choices, tested, strict=True) if choice.chosen is not None]
    if not pairs:
        return Undefined("no window chose parameters")
    inside = _annual(
        [choice.chosen.metrics["total_return"] for choice, _ in pairs if choice.chosen],
        sum(choice.window.train_end_ns - choice.window.train_start_ns for choice, _ in pairs),
    )
    outside = _annual(
        [part.equity_return for _, part in pairs],
        sum(choice.window.test_end_ns - choice.window.test_start_ns for choice, _ in pairs),
    )
    if isinstance(inside, Undefined) or isinstance(outside, Undefined):
        return inside if isinstance(inside, Undefined) else outside
    return outside / inside if inside > 0.0 else Undefined("no growth in sample")


def _annual(returns: Sequence[float], span_ns: int) -> Value:
    return cagr(math.prod(1.0 + each for each in returns), 1.0, span_ns / NS_PER_DAY)


def parameter_drift(space: Space, choices: Sequence[Choice]) -> dict[str, Value]:
    """How far each parameter moves from one choice to the next, on average: a fraction of its range, in [0, 1].

    Mean of |value - value before| / (largest - smallest value of the grid); of a parameter that is no number, the
    share of choices in which it changed. Windows that stay flat are passed over. 0 when it has one value only.
    Undefined below two choices.
    """
    chosen = [choice.parameters for choice in choices if choice.parameters is not None]
    if len(chosen) < 2:
        return dict.fromkeys(space.paths, _ONE_WINDOW)
    return {
        each.path: math.fsum(_move(each, one[each.path], two[each.path]) for one, two in pairwise(chosen))
        / (len(chosen) - 1)
        for each in space.dimensions
    }


def _move(dimension: Dimension, before: Any, after: Any) -> float:
    if before == after:
        return 0.0
    if not is_numeric(dimension):
        return 1.0
    return float(abs(after - before) / (max(dimension.values) - min(dimension.values)))


def is_numeric(dimension: Dimension) -> bool:
    """Whether all its values are numbers."""
    return all(isinstance(value, int | float) and not isinstance(value, bool) for value in dimension.values)


def criteria(
    tested: Sequence[WindowResult], trades: Any, factor: float | None, least_positive: float, least_factor: float
) -> Iterator[Criterion]:
    """Share of positive windows >= its limit; pooled profit factor > its limit (without any loser it is infinite)."""
    share = positive_share(tested)
    yield Criterion("positive_windows", share, least_positive, share >= least_positive)
    passed = bool((trades["net_pnl"] > 0).any()) if factor is None else factor > least_factor
    yield Criterion("pooled_profit_factor", factor, least_factor, passed)


def positive_share(tested: Sequence[WindowResult]) -> float:
    """Windows that traded and whose equity grew / all windows."""
    return sum(part.positive for part in tested) / len(tested)


def verdict(tested: Sequence[WindowResult], met: Sequence[Criterion]) -> str:
    """``pass`` or ``fail``; ``not_enough_data`` below two windows, or without any trade out of sample."""
    if len(tested) < 2 or not any(part.trades for part in tested):
        return "not_enough_data"
    return "pass" if all(criterion.passed for criterion in met) else "fail"
