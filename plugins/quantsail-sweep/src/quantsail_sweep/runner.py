"""The runner `sweep`: a pipeline tried with many sets of options over candles that are loaded once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import attrs
import numpy as np
from attrs.validators import ge

from quantsail_framework.domain.result import RunResult
from quantsail_framework.ports.objective import Objective
from quantsail_framework.ports.runner import Pipeline, Session
from quantsail_framework.search.checks import check_space
from quantsail_framework.search.journal import Journal, run_trials
from quantsail_framework.search.objective import EnoughTrades, ProfitFactorLnTrades
from quantsail_framework.search.result import search_result
from quantsail_framework.search.space import Space, Values, parse_space
from quantsail_framework.search.study import BothTouched, best, make_study


@attrs.frozen
class SweepRunner:
    """Backtests every combination of the parameters, or seeded draws, and keeps each trial as it finishes.

    The same trials whatever the number of processes. A sweep that was stopped goes on where it was.
    """

    parameters: Mapping[str, Any] = attrs.field(
        metadata={"doc": "Options by dotted path, each with a list of values or a range { min, max, step }."}
    )
    constraints: tuple[str, ...] = attrs.field(
        default=(), metadata={"doc": 'What combinations must keep, such as "strategy.fast < strategy.slow".'}
    )
    method: Literal["grid", "random"] = attrs.field(
        default="grid", metadata={"doc": "grid: every combination; random: draws, seeded by [pipeline] seed."}
    )
    trials: int = attrs.field(
        default=100, validator=ge(1), metadata={"doc": "Draws of the method random; a grid tries all."}
    )
    objective: Objective = attrs.field(
        factory=ProfitFactorLnTrades,
        metadata={"doc": "What the best trial has most of; profit-factor-ln-trades unless another is named."},
    )
    min_trades: int = attrs.field(
        default=10, validator=ge(0), metadata={"doc": "Trades that a trial needs to have a score."}
    )
    both_touched: BothTouched = attrs.field(
        default="stop_first",
        metadata={"doc": "Which level fills when one bar touches both: stop_first (cautious) or target_first."},
    )

    def __attrs_post_init__(self) -> None:
        self._space()

    def run(self, pipeline: Pipeline, session: Session) -> RunResult:
        """Every trial as a row of ``trials``; trades, equity, refusals and metrics are those of the best one."""
        space = self._space()
        chosen = self._trials(space, pipeline.seed)
        check_space(pipeline, space, chosen, "sweep")
        study = make_study(pipeline, chosen, EnoughTrades(self.objective, self.min_trades), self.both_touched)
        journal = Journal.of(study, session)
        trials = run_trials(study, chosen, session, journal)
        result = search_result("sweep", study, space, trials, best(trials), session, min_trades=self.min_trades)
        journal.forget()
        return result

    def _space(self) -> Space:
        return parse_space(self.parameters, self.constraints, grid=self.method == "grid")

    def _trials(self, space: Space, seed: int) -> list[Values]:
        return space.grid() if self.method == "grid" else space.sample(self.trials, np.random.default_rng(seed))
