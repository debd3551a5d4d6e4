"""The runner `walk-forward`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import attrs
from attrs.validators import ge, gt, le, optional

from quantsail_framework.backtest import facts_of, result_of
from quantsail_framework.domain.result import RunResult
from quantsail_framework.domain.timeframe import NS_PER_DAY, Timeframe
from quantsail_framework.errors import PipelineError
from quantsail_framework.metrics.undefined import Undefined, Value
from quantsail_framework.ports.objective import Objective
from quantsail_framework.ports.runner import Pipeline, Session
from quantsail_framework.search.alone import some_alone
from quantsail_framework.search.checks import check_space
from quantsail_framework.search.journal import Journal, run_trials
from quantsail_framework.search.luck import luck
from quantsail_framework.search.objective import ProfitFactorLnTrades
from quantsail_framework.search.result import both_ends, broken, objective_name
from quantsail_framework.search.space import Space, Values, parse_space
from quantsail_framework.search.study import Trial, make_study
from quantsail_walk_forward import judging
from quantsail_walk_forward.out_of_sample import OutOfSample, one_account, own_accounts
from quantsail_walk_forward.stitching import check_can_be_stitched
from quantsail_walk_forward.tables import trials_table, windows_table
from quantsail_walk_forward.training import Choice, RangeStudy, choose, item, qualified
from quantsail_walk_forward.windows import Lengths, Window, cut, range_of

KIND = "walk-forward"


def _doc(text: str) -> dict[str, str]:
    return {"doc": text}


@attrs.frozen
class WalkForwardRunner:
    """Chooses parameters on each training range, trades them on the test range after it, and judges the whole.

    Every combination of ``parameters`` is tried on every training range. One with enough trades and a profit factor
    above 1 qualifies; the best score is chosen, where none qualifies the window stays flat.
    """

    parameters: Mapping[str, Any] = attrs.field(
        metadata=_doc("What is varied: by dotted path a list of values, or a range with a step.")
    )
    train_days: float = attrs.field(
        default=90.0, validator=gt(0), metadata=_doc("Days of each training range, on which parameters are chosen.")
    )
    test_days: float = attrs.field(
        default=30.0, validator=gt(0), metadata=_doc("Days of each test range, on which they are traded.")
    )
    step_days: float | None = attrs.field(
        default=None,
        validator=optional(gt(0)),
        metadata=_doc("Days from one window to the next; without a number test_days, so that the tests tile."),
    )
    anchored: bool = attrs.field(
        default=False, metadata=_doc("Train from the beginning of the data on, instead of the last train_days.")
    )
    purge_days: float = attrs.field(
        default=0.0, validator=ge(0), metadata=_doc("Days at the end of each training range that are not used.")
    )
    embargo_days: float = attrs.field(
        default=0.0, validator=ge(0), metadata=_doc("Days left out between each training range and its test.")
    )
    constraints: tuple[str, ...] = attrs.field(
        default=(), metadata=_doc('What combinations must keep, such as "strategy.fast < strategy.slow".')
    )
    objective: Objective = attrs.field(
        factory=ProfitFactorLnTrades,
        metadata=_doc("What the choice maximises; unless given, profit factor * ln(trades)."),
    )
    min_trades: int = attrs.field(
        default=10, validator=ge(1), metadata=_doc("Trades in training that a combination needs to be chosen.")
    )
    reset: bool = attrs.field(
        default=False, metadata=_doc("Trade each window in an account of its own instead of all in one.")
    )
    overlap: bool = attrs.field(
        default=False, metadata=_doc("Allow step_days below test_days, where bars are tested twice; needs reset.")
    )
    min_positive_windows: float = attrs.field(
        default=0.7, validator=[ge(0), le(1)], metadata=_doc("Share of positive windows that passes, as a fraction.")
    )
    min_profit_factor: float = attrs.field(
        default=1.1, validator=ge(0), metadata=_doc("Profit factor of all test trades above which the walk passes.")
    )
    both_touched: Literal["stop_first", "target_first"] = attrs.field(
        default="stop_first",
        metadata=_doc("Which level fills when one bar touches both: stop_first (cautious) or target_first."),
    )

    def __attrs_post_init__(self) -> None:
        """Raises ValueError for options that do not fit together, PipelineError for parameters that make no grid."""
        if self.purge_days >= self.train_days:
            raise ValueError(f"purge_days {self.purge_days:g} leaves nothing of train_days {self.train_days:g}")
        overlaps = self._lengths.step_days < self.test_days
        if overlaps and not (self.overlap and self.reset):
            raise ValueError(
                f"step_days {self._lengths.step_days:g} is below test_days {self.test_days:g}: test windows would "
                "overlap and count bars twice; raise step_days, or set overlap = true and reset = true"
            )
        parse_space(self.parameters, self.constraints)

    @property
    def _lengths(self) -> Lengths:
        step = self.test_days if self.step_days is None else self.step_days
        return Lengths(self.train_days, self.test_days, step, self.anchored, self.purge_days, self.embargo_days)

    def run(self, pipeline: Pipeline, session: Session) -> RunResult:
        """Windows, trials, and the trades, equity curve and refusals of the test windows, with a verdict.

        Raises PipelineError for parameters that cannot be varied, and DataError for too few candles.
        """
        self._check_lengths(pipeline.data.timeframe)
        space, grid = self._grid(pipeline)
        made = make_study(pipeline, grid, self.objective, self.both_touched)
        study = RangeStudy(made.pipeline, made.data, self.objective, self.both_touched)
        windows, notes = self._lengths.windows(*range_of(study.data))
        journal = Journal.of(study, session)
        items = [item(window, values) for window in windows for values in grid]
        trials = run_trials(study, items, session, journal)
        choices = self._choices(windows, trials)
        tested = self._tested(study, choices, session)
        result = self._result(study, space, choices, tested)
        ends = both_ends(study, result, lambda other: self._again(other, choices, session))
        notes = [*study.data.notes, *some_alone(study, trials), *broken(trials), *notes, *_flat(choices)]
        journal.forget()
        cut.cache_clear()
        return attrs.evolve(result, metrics={**result.metrics, **ends}, notes=tuple(notes))

    def _check_lengths(self, bar: Timeframe) -> None:
        lengths = {name: getattr(self._lengths, name) for name in ("train_days", "test_days", "step_days")}
        short = [name for name, days in lengths.items() if days * NS_PER_DAY < bar.ns]
        if short:
            raise PipelineError(
                [f"{KIND}.{name}: {lengths[name]:g} days are less than one bar of {bar}" for name in short]
            )

    def _grid(self, pipeline: Pipeline) -> tuple[Space, list[Values]]:
        space = parse_space(self.parameters, self.constraints)
        grid = space.grid()
        check_space(pipeline, space, grid, KIND)
        if not self.reset:
            check_can_be_stitched(pipeline, grid)
        return space, grid

    def _choices(self, windows: Sequence[Window], trials: Sequence[Trial]) -> list[Choice]:
        """The trials come window by window."""
        size = len(trials) // len(windows)
        known = [qualified(trial, self.min_trades) for trial in trials]
        return [choose(window, known[k * size : (k + 1) * size]) for k, window in enumerate(windows)]

    def _tested(self, study: RangeStudy, choices: list[Choice], session: Session) -> OutOfSample:
        return (own_accounts if self.reset else one_account)(study, choices, session)

    def _again(self, study: RangeStudy, choices: list[Choice], session: Session) -> RunResult:
        """The test windows once more with the same choices; observers have seen them already."""
        tested = self._tested(study, choices, attrs.evolve(session, events=None))
        return result_of(KIND, study.pipeline, tested.data, tested.simulation)

    def _result(self, study: RangeStudy, space: Space, choices: list[Choice], tested: OutOfSample) -> RunResult:
        result = result_of(KIND, study.pipeline, tested.data, tested.simulation)
        values = _measured(space, choices, tested, result)
        tried = [trial for choice in choices for trial in choice.trials]
        lucky, unlucky = luck(result, tried, capital=study.pipeline.capital, seed=study.pipeline.seed, same_range=False)
        met = list(
            judging.criteria(
                tested.windows,
                result.trades,
                result.metrics["profit_factor"],
                self.min_positive_windows,
                self.min_profit_factor,
            )
        )
        drift = judging.parameter_drift(space, choices)
        return attrs.evolve(
            result,
            tables={
                **result.tables,
                "windows": windows_table(space, choices, tested.windows),
                "trials": trials_table(space, choices),
            },
            metrics={
                **result.metrics,
                **lucky,
                **{name: _plain(value) for name, value in values.items()},
                "drift_by_parameter": {path: _plain(value) for path, value in drift.items()},
            },
            undefined={
                **result.undefined,
                **unlucky,
                **_reasons(values),
                **_reasons({f"drift_by_parameter.{path}": value for path, value in drift.items()}),
            },
            facts={
                **facts_of(study.pipeline, study.data),
                "parameters": list(space.paths),
                "objective": objective_name(study.pipeline, KIND) or type(self.objective).__name__,
                "criteria": [attrs.asdict(criterion) for criterion in met],
            },
            verdict=judging.verdict(tested.windows, met),
        )


def _measured(space: Space, choices: Sequence[Choice], tested: OutOfSample, result: RunResult) -> dict[str, Value]:
    """The metrics that a walk has beside those of its account."""
    factor = result.metrics["profit_factor"]
    drifts = list(judging.parameter_drift(space, choices).values())
    known = [drift for drift in drifts if not isinstance(drift, Undefined)]
    return {
        "windows": len(choices),
        "windows_traded": sum(part.trades > 0 for part in tested.windows),
        "trials": sum(len(choice.trials) for choice in choices),
        "positive_windows": judging.positive_share(tested.windows),
        "pooled_profit_factor": Undefined(result.undefined["profit_factor"]) if factor is None else factor,
        "walk_forward_efficiency": judging.walk_forward_efficiency(choices, tested.windows),
        "parameter_drift": sum(known) / len(known) if known else drifts[0],
    }


def _plain(value: Value) -> float | None:
    return None if isinstance(value, Undefined) else value


def _reasons(values: Mapping[str, Value]) -> dict[str, str]:
    return {name: value.reason for name, value in values.items() if isinstance(value, Undefined)}


def _flat(choices: Sequence[Choice]) -> Iterator[str]:
    """Which windows stay flat, in one sentence."""
    flat = [str(choice.window.number) for choice in choices if choice.chosen is None]
    if flat:
        which = f"window {flat[0]} stays" if len(flat) == 1 else f"windows {', '.join(flat)} stay"
        yield f"{which} flat: in training no combination had enough trades and a profit factor above 1"
