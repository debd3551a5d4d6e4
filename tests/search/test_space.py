"""Parameter spaces: what the file may say, and which combinations come of it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantsail_framework.errors import PipelineError
from quantsail_framework.search.space import parse_space


def test_the_grid_goes_through_every_combination_the_last_parameter_fastest() -> None:
    space = parse_space({"strategy": {"a": [1, 2], "b": ["x", "y"]}, "risk.max-exposure.pct": [50.0]})
    assert space.paths == ("strategy.a", "strategy.b", "risk.max-exposure.pct")
    assert [tuple(values.values()) for values in space.grid()] == [
        (1, "x", 50.0),
        (1, "y", 50.0),
        (2, "x", 50.0),
        (2, "y", 50.0),
    ]


@pytest.mark.parametrize(
    ("given_", "values"),
    [
        ({"min": 10, "max": 30, "step": 5}, (10, 15, 20, 25, 30)),
        ({"min": 10, "max": 29, "step": 5}, (10, 15, 20, 25)),
        ({"min": 0.1, "max": 0.5, "step": 0.1}, (0.1, 0.2, 0.3, 0.4, 0.5)),
        ({"min": 0.001, "max": 0.1, "log": True, "count": 3}, (0.001, 0.01, 0.1)),
        ({"min": 1, "max": 100, "log": True, "step": 10}, (1, 10, 100)),
        ({"min": 1, "max": 5, "count": 3}, (1, 3, 5)),
        ({"min": 1, "max": 2, "count": 9}, (1, 2)),
    ],
)
def test_ranges(given_: dict[str, object], values: tuple[object, ...]) -> None:
    (dimension,) = parse_space({"strategy.a": given_}).dimensions
    assert dimension.values == values
    assert [type(value) for value in dimension.values] == [type(value) for value in values]


@pytest.mark.parametrize(
    ("constraint", "kept"),
    [
        ("strategy.fast < strategy.slow", [(10, 20)]),
        ("strategy.fast >= strategy.slow", [(10, 10), (20, 10), (20, 20)]),
        ("2 * strategy.fast <= strategy.slow", [(10, 20)]),
        ("strategy.fast == 10", [(10, 10), (10, 20)]),
        ("1.5*strategy.fast != 15", [(20, 10), (20, 20)]),
    ],
)
def test_constraints(constraint: str, kept: list[tuple[int, int]]) -> None:
    space = parse_space({"strategy.fast": [10, 20], "strategy.slow": [10, 20]}, [constraint])
    assert [tuple(values.values()) for values in space.grid()] == kept


@pytest.mark.parametrize(
    ("parameters", "constraints", "text"),
    [
        ({}, [], "parameters: there are none; name at least one"),
        ({"strategy.a": []}, [], "parameters.strategy.a: is an empty list"),
        ({"strategy.a": 5}, [], "parameters.strategy.a: must be a list of values, or a range"),
        ({"strategy.a": [1, 1]}, [], "has a value twice"),
        ({"strategy.a": {"min": 1, "max": 5}}, [], "a grid needs a step or a count"),
        ({"strategy.a": {"min": 5, "max": 1, "step": 1}}, [], "min not above max"),
        ({"strategy.a": {"min": 1, "max": 5, "step": 0}}, [], "step must be above 0"),
        ({"strategy.a": {"min": 0, "max": 5, "log": True, "count": 3}}, [], "a min above 0"),
        ({"strategy.a": {"min": 1, "max": 5, "count": 1}}, [], "count must be a whole number from 2"),
        ({"strategy.a": {"min": 0, "max": 1, "step": 1e-12}}, [], "makes 1,000,000,000,000 values"),
        ({"strategy.a": [1]}, ["strategy.a"], "must compare two things"),
        ({"strategy.a": [1]}, ["strategy.b < 3"], "strategy.b is not among the parameters: strategy.a"),
        ({"strategy.a": [1]}, ["__import__('os') < 3"], "neither a number, nor a parameter"),
        ({f"strategy.{name}": list(range(100)) for name in "abcd"}, [], "100,000,000 combinations"),
    ],
)
def test_what_cannot_be_searched(parameters: dict[str, object], constraints: list[str], text: str) -> None:
    with pytest.raises(PipelineError) as caught:
        parse_space(parameters, constraints)
    assert text in str(caught.value)


@given(st.integers(0, 2**32), st.integers(1, 30))
def test_draws_are_seeded_different_and_within_the_space(seed: int, count: int) -> None:
    parameters = {
        "strategy.a": {"min": 2, "max": 50},
        "strategy.b": {"min": 0.01, "max": 10.0, "log": True},
        "strategy.c": ["x", "y"],
    }
    space = parse_space(parameters, ["strategy.a > 5"], grid=False)
    drawn = space.sample(count, np.random.default_rng(seed))
    assert drawn == space.sample(count, np.random.default_rng(seed))
    assert len({repr(values) for values in drawn}) == len(drawn) == count
    for values in drawn:
        assert 5 < values["strategy.a"] <= 50
        assert isinstance(values["strategy.a"], int)
        assert 0.01 <= values["strategy.b"] <= 10.0
        assert values["strategy.c"] in ("x", "y")


def test_a_small_space_is_drawn_whole_and_no_more() -> None:
    space = parse_space({"strategy.a": [1, 2, 3]}, grid=False)
    assert sorted(values["strategy.a"] for values in space.sample(10, np.random.default_rng(1))) == [1, 2, 3]
