"""Parameters near those that were chosen."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import pytest
from attrs.validators import ge

from quantsail_framework.errors import PipelineError
from quantsail_framework.testing.examples import example_pipeline
from quantsail_framework.testing.fakes import FakeStrategy
from quantsail_monte_carlo.jitter import centre_of, jittered


@attrs.frozen
class Options(FakeStrategy):
    """Options of every kind."""

    allow_short: bool = False
    name: str = "x"
    limit: float | None = None
    shares: tuple[float, ...] = (0.5,)


@attrs.frozen
class Edge(FakeStrategy):
    """Takes no distance below the one that it has, and needs ``every`` to be even."""

    distance: float = attrs.field(default=0.005, validator=ge(0.005))

    def __attrs_post_init__(self) -> None:
        if self.every % 2:
            raise ValueError("every must be even")


def draw(strategy: Any, pct: float = 10.0, draws: int = 400, also: tuple[str, ...] = ()) -> Any:
    pipeline = example_pipeline(strategy=strategy)
    return jittered(pipeline, centre_of(pipeline, also), pct, draws, np.random.default_rng(1))


def test_d084k_every_numeric_option_is_drawn_evenly_around_its_value() -> None:
    sets, refused = draw(Options())
    assert refused == 0
    assert list(sets[0]) == ["strategy.every", "strategy.distance", "strategy.warmup"]
    every = [values["strategy.every"] for values in sets]
    assert set(every) == {18, 19, 20, 21, 22}
    assert all(isinstance(value, int) for value in every)
    # Uniform on 18 to 22, rounded: a quarter each for 19, 20 and 21, an eighth at either end.
    assert every.count(20) / 400 == pytest.approx(0.25, abs=0.09)
    assert every.count(18) / 400 == pytest.approx(0.125, abs=0.07)
    distance = np.array([values["strategy.distance"] for values in sets])
    assert 0.0045 <= distance.min() < 0.0046
    assert 0.0054 < distance.max() <= 0.0055
    assert distance.mean() == pytest.approx(0.005, abs=4 * 0.001 / np.sqrt(12) / 20)
    assert {values["strategy.warmup"] for values in sets} == {0}


def test_what_a_component_refuses_is_drawn_anew_and_counted() -> None:
    sets, refused = draw(Edge(), draws=100)
    assert all(values["strategy.distance"] >= 0.005 for values in sets)
    assert {values["strategy.every"] for values in sets} == {18, 20, 22}
    # Half of the distances and half of the lengths fit.
    assert refused == pytest.approx(300, abs=100)


def test_where_nothing_fits_it_says_so() -> None:
    with pytest.raises(PipelineError, match=r"monte-carlo.jitter_pct: of 1000 draws within 10 % none is accepted") as e:
        draw(Never(), draws=1)
    assert "only 5" in str(e.value)


@attrs.frozen
class Never(FakeStrategy):
    """Takes one distance only."""

    def __attrs_post_init__(self) -> None:
        if self.distance != 0.005:
            raise ValueError("only 5 per mille will do")


def test_further_options_are_named_by_their_paths() -> None:
    sets, _ = draw(FakeStrategy(), also=("sizer.share", "costs.bps"))
    share = [values["sizer.share"] for values in sets]
    assert 0.09 <= min(share) < max(share) <= 0.11
    with pytest.raises(PipelineError) as error:
        draw(Options(), also=("sizer.shar", "strategy.name", "strategy.allow_short"))
    told = str(error.value).splitlines()
    assert told[0].startswith("monte-carlo.jitter_also: sizer.shar: unknown option; did you mean share?")
    assert told[1] == "monte-carlo.jitter_also: strategy.name: holds 'x'; only numbers can be jittered"
    assert len(told) == 3


def test_an_object_without_options_has_no_neighbours() -> None:
    class Plain:
        warmup = 0

    assert centre_of(example_pipeline(strategy=Plain()), ()) == {}
