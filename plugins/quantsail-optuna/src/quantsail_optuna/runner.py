"""The runner `optuna`: its options, and its result. Optuna itself is imported when it runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice, product
from typing import Any

import attrs
from attrs.validators import ge

from quantsail_framework.domain.result import RunResult, Table
from quantsail_framework.errors import PipelineError
from quantsail_framework.ports.objective import Objective
from quantsail_framework.ports.runner import Pipeline, Session
from quantsail_framework.search.checks import check_space
from quantsail_framework.search.objective import EnoughTrades, ProfitFactorLnTrades
from quantsail_framework.search.result import search_result
from quantsail_framework.search.space import Dimension, Space, Values, parse_space
from quantsail_framework.search.study import BothTouched, Study, best, make_study

_CORNERS = 4_096  # combinations of the ends of the parameters that are looked at before the first trial


@attrs.frozen
class OptunaRunner:
    """Searches with Optuna's tree-structured Parzen estimator, seeded: trials learn from those before.

    The trials of one batch are asked for together and may run beside each other; the same trials whatever the number
    of processes. A search that was stopped goes on where it was. Source: Bergstra et al., Algorithms for
    Hyper-Parameter Optimization, 2011; Akiba et al., Optuna, 2019.
    """

    parameters: Mapping[str, Any] = attrs.field(
        metadata={"doc": "Options by dotted path, each with a list of values or a range { min, max }."}
    )
    constraints: tuple[str, ...] = attrs.field(
        default=(), metadata={"doc": 'What combinations must keep, such as "strategy.fast < strategy.slow".'}
    )
    trials: int = attrs.field(default=100, validator=ge(1), metadata={"doc": "Trials of the search."})
    batch: int = attrs.field(
        default=8, validator=ge(1), metadata={"doc": "Trials that are chosen together, before any of them is known."}
    )
    objective: Objective = attrs.field(
        factory=ProfitFactorLnTrades,
        metadata={"doc": "What the best trial has most of; profit-factor-ln-trades unless another is named."},
    )
    objectives: tuple[Objective, ...] = attrs.field(
        default=(), metadata={"doc": "Two or more in place of objective: the table pareto has what none beats in all."}
    )
    min_trades: int = attrs.field(
        default=10, validator=ge(0), metadata={"doc": "Trades that a trial needs to have a score."}
    )
    prune_windows: int = attrs.field(
        default=1,
        validator=ge(1),
        metadata={"doc": "Parts of the data, by time, after each of which a trial may be given up; 1 gives up none."},
    )
    both_touched: BothTouched = attrs.field(
        default="stop_first",
        metadata={"doc": "Which level fills when one bar touches both: stop_first (cautious) or target_first."},
    )

    def __attrs_post_init__(self) -> None:
        self._space()
        if len(self.objectives) == 1:
            raise PipelineError(["objectives: is a list of two or more; a single one stands in objective"])
        if self.objectives and self.prune_windows > 1:
            raise PipelineError(["prune_windows: a search with several objectives gives up no trial; remove it"])

    def run(self, pipeline: Pipeline, session: Session) -> RunResult:
        """As of a sweep: every trial as a row of ``trials``, the rest of the best one.

        With ``objectives`` the table ``pareto`` has the trials that no other beats in all of them.
        """
        from quantsail_optuna.search import Search

        space = self._space()
        corners = _corners(space)
        check_space(pipeline, space, corners, "optuna")
        study = self._study(pipeline, corners)
        with Search(space, study, session, self.trials, self.batch, self.prune_windows) as search:
            trials, front = search.run()
            leading = best([trials[row] for row in front])
            result = search_result("optuna", study, space, trials, leading, session, min_trades=self.min_trades)
            search.forget()
        if not self.objectives:
            return result
        return attrs.evolve(result, tables={**result.tables, "pareto": _rows(result.tables["trials"], front)})

    def _space(self) -> Space:
        return parse_space(self.parameters, self.constraints, grid=False)

    def _study(self, pipeline: Pipeline, corners: list[Values]) -> Study:
        objectives = [EnoughTrades(each, self.min_trades) for each in self.objectives or (self.objective,)]
        study = make_study(pipeline, corners, objectives[0], self.both_touched)
        return attrs.evolve(study, more=tuple(objectives[1:]))


def _corners(space: Space) -> list[Values]:
    """Combinations of the ends of every parameter: what values go together, and which warm-up they may need."""
    combinations = islice(product(*map(_ends, space.dimensions)), _CORNERS)
    return [dict(zip(space.paths, values, strict=True)) for values in combinations]


def _ends(dimension: Dimension) -> Sequence[Any]:
    """The least and the greatest of numbers; of other values all."""
    numbers = all(isinstance(value, int | float) for value in dimension.values)
    return sorted({min(dimension.values), max(dimension.values)}) if numbers else dimension.values


def _rows(table: Table, rows: list[int]) -> Table:
    return {name: column[rows] for name, column in table.items()}
