"""The executor of a run: what it keeps is started at the first use, once, and ended with the run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs

from quantsail_framework import load_pipeline, run
from quantsail_framework.search.executors import SerialExecutor

EXAMPLES = Path(__file__).parents[2] / "examples"


@attrs.frozen
class Keeps:
    """Starts something that is worth keeping, and notes when."""

    events: list[str]

    @contextmanager
    def started(self) -> Iterator[Keeps]:
        self.events.append("started")
        yield self
        self.events.append("ended")

    def map(
        self, function: Callable[[Any, Any], Any], items: Sequence[Any], *, shared: Any
    ) -> Iterator[tuple[int, Any]]:
        self.events.append("mapped")
        return SerialExecutor().map(function, items, shared=shared)


def test_several_maps_of_a_run_share_what_is_started() -> None:
    keeps = Keeps([])
    pipeline = load_pipeline(
        EXAMPLES / "sweep.toml",
        overrides={
            "pipeline.runner": "optuna",
            "optuna.trials": 6,
            "optuna.batch": 3,
            "optuna.parameters.strategy.lookback": [10, 20, 30, 40, 50, 60],
        },
    )
    run(attrs.evolve(pipeline, executor=keeps))
    assert keeps.events == ["started", "mapped", "mapped", "ended"]


def test_a_run_that_maps_nothing_starts_nothing() -> None:
    keeps = Keeps([])
    run(attrs.evolve(load_pipeline(EXAMPLES / "quickstart.toml"), executor=keeps))
    assert keeps.events == []
