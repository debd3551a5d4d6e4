"""What no trial could use is told before the first; what goes with other values of the search is not."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import pytest

from quantsail_framework import Bars, Signals
from quantsail_framework.errors import PipelineError
from quantsail_framework.search.checks import check_space
from quantsail_framework.search.space import parse_space
from quantsail_framework.testing.examples import example_pipeline


@attrs.frozen
class Crossing:
    fast: int = attrs.field(default=10, validator=attrs.validators.ge(2), metadata={"doc": "bars"})
    slow: int = attrs.field(default=20, metadata={"doc": "bars"})
    warmup: int = attrs.field(default=0, init=False)

    def __attrs_post_init__(self) -> None:
        if self.fast >= self.slow:
            raise ValueError(f"fast {self.fast} must be below slow {self.slow}")

    def signals(self, bars: Bars) -> Signals:
        return Signals(np.zeros(len(bars), np.int8), bars.close)


def problems(parameters: dict[str, Any], constraints: tuple[str, ...] = ()) -> list[str]:
    space = parse_space(parameters, constraints)
    try:
        check_space(example_pipeline(strategy=Crossing()), space, space.grid(), "sweep")
    except PipelineError as error:
        return list(error.problems)
    return []


def test_a_value_that_goes_with_another_of_the_search_is_fine() -> None:
    """30 does not go with the pipeline's slow of 20, but with 40."""
    assert problems({"strategy.fast": [5, 30], "strategy.slow": [20, 40]}) == []


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        (
            {"strategy.fast": [5, 30]},
            ["sweep.parameters.strategy.fast: 30: strategy: fast 30 must be below slow 20"],
        ),
        (
            {"strategy.fast": [5, 50], "strategy.slow": [20, 40]},
            ["sweep.parameters.strategy.fast: 50: strategy: fast 50 must be below slow 20"],
        ),
        (
            {"strategy.fast": [1, 5.5], "strategy.slw": [20]},
            [
                "sweep.parameters.strategy.fast: must be >= 2, got 1",
                "sweep.parameters.strategy.fast: expects a whole number, got 5.5",
                "sweep.parameters.strategy.slw: unknown option; did you mean slow?",
            ],
        ),
        (
            {"strategy": [1], "strategy.fast": [5]},
            [
                "sweep.parameters.strategy.fast: lies inside of strategy, which is a parameter too; vary one of them",
            ],
        ),
    ],
)
def test_what_no_trial_could_use_is_told(parameters: dict[str, Any], told: list[str]) -> None:
    assert problems(parameters) == told


def test_constraints_that_leave_nothing_are_told() -> None:
    assert problems({"strategy.fast": [5, 6]}, ("strategy.fast > 9",)) == [
        "sweep.constraints: no combination of the parameters keeps them: strategy.fast > 9"
    ]
