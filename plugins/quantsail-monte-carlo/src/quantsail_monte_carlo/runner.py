"""The runner `monte-carlo`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import attrs
import numpy as np
from attrs.validators import deep_iterable, ge, gt, le, lt, min_len

from quantsail_framework.backtest import backtest, result_of
from quantsail_framework.domain.result import RunResult
from quantsail_framework.engine import MarketData, load_market
from quantsail_framework.engine.market import warmup_of
from quantsail_framework.metrics.undefined import Undefined, Value
from quantsail_framework.ports.runner import Pipeline, Session
from quantsail_framework.search.journal import Journal, run_trials
from quantsail_framework.search.study import Trial, make_study
from quantsail_monte_carlo import judging
from quantsail_monte_carlo.compiled import machine_for
from quantsail_monte_carlo.draws import Draws, draws_table, fan_table, summary
from quantsail_monte_carlo.jitter import centre_of, jittered
from quantsail_monte_carlo.paths import (
    block_bootstrapped,
    bootstrapped,
    drawdown_of,
    equity_of,
    returns_of,
    shuffled,
)
from quantsail_monte_carlo.price_path import check_can_be_resampled
from quantsail_monte_carlo.random_entry import p_value, random_entries
from quantsail_monte_carlo.reruns import Item, RerunStudy, cost_items, draws_of, failed, path_items
from quantsail_monte_carlo.seeds import generator

KIND = "monte-carlo"
Test = Literal["shuffle", "bootstrap", "parameter-jitter", "cost-jitter", "price-path", "random-entry"]


def _doc(text: str) -> dict[str, str]:
    return {"doc": text}


@attrs.frozen
class Batch:
    """The runs of one test at one level, and where they lie among all of them."""

    test: str
    items: Sequence[Item]
    level: float = math.nan


@attrs.frozen
class MonteCarloRunner:
    """Runs the backtest once, then asks by thousands of draws what else could have come of it.

    Shuffles and bootstraps reorder and redraw its trades, jitters run it again with other parameters or costs.
    Seeded by ``[pipeline] seed``: the same draws for any number of processes. A run that was stopped goes on.
    """

    tests: tuple[Test, ...] = attrs.field(
        default=("shuffle", "bootstrap", "parameter-jitter", "cost-jitter"),
        validator=min_len(1),
        metadata=_doc("Which tests to make; price-path and random-entry are further ones."),
    )
    min_trades: int = attrs.field(
        default=30, validator=ge(1), metadata=_doc("Trades below which the verdict is not_enough_data.")
    )
    draws: int = attrs.field(
        default=10_000, validator=ge(1), metadata=_doc("Draws of shuffle, bootstrap and random-entry.")
    )
    additive: bool = attrs.field(
        default=False, metadata=_doc("Shuffle and bootstrap sum up results in money instead of compounding returns.")
    )
    max_drawdown_pct: float = attrs.field(
        default=20.0,
        validator=[gt(0.0), le(100.0)],
        metadata=_doc("The 95th percentile of the shuffles' maximum drawdown must stay below it."),
    )
    jitter_pct: float = attrs.field(
        default=10.0, validator=[gt(0.0), lt(100.0)], metadata=_doc("How far a parameter moves to either side.")
    )
    jitter_draws: int = attrs.field(default=500, validator=ge(1), metadata=_doc("Backtests with jittered parameters."))
    jitter_also: tuple[str, ...] = attrs.field(
        default=(),
        metadata=_doc('Paths of further options to jitter, such as "sizer.max_risk_per_trade_pct".'),
    )
    cost_levels: tuple[float, ...] = attrs.field(
        default=(1.0, 1.5, 2.0),
        validator=[min_len(1), deep_iterable(gt(0.0)), deep_iterable(lt(math.inf))],
        metadata=_doc("Multiples of spread and slippage."),
    )
    cost_criterion_level: float = attrs.field(
        default=1.5, validator=gt(0.0), metadata=_doc("The multiple at which the cost jitter is judged.")
    )
    cost_sigma: float = attrs.field(
        default=0.25, validator=[ge(0.0), le(3.0)], metadata=_doc("Standard deviation of the log of a fill's noise.")
    )
    cost_runs: int = attrs.field(
        default=200, validator=ge(1), metadata=_doc("Backtests with jittered costs per level.")
    )
    min_profitable_pct: float = attrs.field(
        default=60.0,
        validator=[gt(0.0), le(100.0)],
        metadata=_doc("Share of the runs of either jitter that must be profitable."),
    )
    price_paths: int = attrs.field(
        default=200, validator=ge(1), metadata=_doc("Backtests over redrawn candles, of the test price-path.")
    )
    both_touched: Literal["stop_first", "target_first"] = attrs.field(
        default="stop_first",
        metadata=_doc("Which level fills when one bar touches both: stop_first (cautious) or target_first."),
    )

    def __attrs_post_init__(self) -> None:
        """Raises ValueError for options that do not fit together."""
        for name, values in (("tests", self.tests), ("cost_levels", self.cost_levels)):
            if len(set(values)) < len(values):
                raise ValueError(f"{name} names one twice: {', '.join(map(str, values))}")
        if "cost-jitter" in self.tests and self.cost_criterion_level not in self.cost_levels:
            levels = ", ".join(map(str, self.cost_levels))
            raise ValueError(
                f"cost_criterion_level {self.cost_criterion_level} is not among cost_levels ({levels}); add it there"
            )

    def run(self, pipeline: Pipeline, session: Session) -> RunResult:
        """The backtest's tables and metrics with the draws, their fan, their figures and a verdict.

        Raises PipelineError for what cannot be jittered or resampled, and what the backtest raises.
        """
        batches, redrawn = self._batches(pipeline)
        parameters = [item for batch in batches if batch.test == "parameter-jitter" for item in batch.items]
        study = _study(pipeline, parameters, self.both_touched)
        if "price-path" in self.tests:
            check_can_be_resampled(study.data)
        data = study.data if study.data.warmup == warmup_of(pipeline) else load_market(pipeline)
        base = _backtest(pipeline, data, session, self.both_touched)
        trades = len(base.trades["symbol"])
        if trades < self.min_trades:
            why = f"{trades} trade{'' if trades == 1 else 's'}; the tests need {self.min_trades}"
            return self._result(base, pipeline, self._nothing(why), [], redrawn)
        quick = self._quick(base, data, pipeline, session)
        journal = Journal.of(study, session)
        trials = _run([item for batch in batches for item in batch.items], study, session, journal)
        slow, at = [], 0
        for batch in batches:
            judged = math.isnan(batch.level) or batch.level == self.cost_criterion_level
            slow.append(draws_of(batch.test, trials[at : at + len(batch.items)], batch.level, fan=judged))
            at += len(batch.items)
        result = self._result(base, pipeline, [*quick, *slow], trials, redrawn)
        journal.forget()
        return result

    def _batches(self, pipeline: Pipeline) -> tuple[list[Batch], int]:
        """The backtests to run, and how many sets of parameters were drawn anew."""
        batches, redrawn = [], 0
        if "parameter-jitter" in self.tests:
            centre = centre_of(pipeline, self.jitter_also)
            random = generator(pipeline.seed, "parameter-jitter")
            sets, redrawn = jittered(pipeline, centre, self.jitter_pct, self.jitter_draws, random)
            batches.append(Batch("parameter-jitter", sets))
        if "cost-jitter" in self.tests:
            for level in self.cost_levels:
                items = cost_items(level, self.cost_sigma, pipeline.seed, self.cost_runs)
                batches.append(Batch("cost-jitter", items, level))
        if "price-path" in self.tests:
            batches.append(Batch("price-path", path_items(pipeline.seed, self.price_paths)))
        return batches, redrawn

    def _quick(self, base: RunResult, data: MarketData, pipeline: Pipeline, session: Session) -> list[Draws]:
        """The tests that need nothing but the trades and candles of the backtest."""
        found, capital, seed = [], pipeline.capital, pipeline.seed
        returns, draws = _returns(base, capital, additive=self.additive), self.draws
        how: dict[str, Any] = {"additive": self.additive}
        machine = None
        if "shuffle" in self.tests or "bootstrap" in self.tests:
            machine = machine_for(len(returns), draws, lambda text: session.progress(0.0, text))
        if "shuffle" in self.tests:
            _tell(session, "shuffle")
            found.append(shuffled(returns, draws, generator(seed, "shuffle"), machine=machine, **how))
        if "bootstrap" in self.tests:
            # Two streams: each kind draws the same whether the other is there or not.
            _tell(session, "bootstrap")
            found.append(bootstrapped(returns, draws, generator(seed, "bootstrap", 0), machine=machine, **how))
            _tell(session, "bootstrap")
            found.append(block_bootstrapped(returns, draws, generator(seed, "bootstrap", 1), **how))
        if "random-entry" in self.tests:
            _tell(session, "random-entry")
            found.append(random_entries(base.trades, data, capital, self.draws, generator(seed, "random-entry")))
        return found

    def _nothing(self, why: str) -> list[Draws]:
        """Every test that was asked for, without a draw."""
        names = {"bootstrap": ("bootstrap", "block-bootstrap")}
        found = []
        for test in self.tests:
            levels = self.cost_levels if test == "cost-jitter" else (math.nan,)
            found += [Draws.none(name, why, level) for name in names.get(test, (test,)) for level in levels]
        return found

    def _result(
        self, base: RunResult, pipeline: Pipeline, tests: Sequence[Draws], trials: Sequence[Trial], redrawn: int
    ) -> RunResult:
        values = {name: value for draws in tests for name, value in summary(draws)}
        values |= self._actual(base, tests, pipeline.capital)
        limits = (self.max_drawdown_pct / 100.0, self.min_profitable_pct / 100.0, self.cost_criterion_level)
        met = list(judging.criteria(tests, *limits))
        enough = any(len(draws.ruined) for draws in tests)
        paths = list(centre_of(pipeline, self.jitter_also)) if "parameter-jitter" in self.tests else []
        facts = {
            "tests": list(self.tests),
            "criteria": [attrs.asdict(criterion) for criterion in met],
            "jittered": paths,
        }
        return attrs.evolve(
            base,
            tables={**base.tables, "fan": fan_table(tests), "draws": draws_table(tests)},
            metrics={**base.metrics, **{name: _plain(value) for name, value in values.items()}},
            undefined={**base.undefined, **_reasons(values)},
            facts={**base.facts, **facts},
            notes=(*base.notes, *self._notes(tests, trials, redrawn, paths)),
            verdict=judging.verdict(met) if enough else judging.NOT_ENOUGH,
        )

    def _actual(self, base: RunResult, tests: Sequence[Draws], capital: float) -> dict[str, Value]:
        """What the draws are compared with."""
        found: dict[str, Value] = {}
        by_name = {draws.test: draws for draws in tests}
        if shuffle := by_name.get("shuffle"):
            returns = _returns(base, capital, additive=self.additive)[np.newaxis]
            drawdown = float(drawdown_of(equity_of(returns, additive=self.additive))[0])
            found["shuffle_actual_max_drawdown"] = Undefined(shuffle.why_none) if shuffle.why_none else drawdown
        if random := by_name.get("random-entry"):
            actual = float(base.trades["net_pnl"].sum()) / capital
            p = p_value(random.total_return, actual)
            found["random_entry_p_value"] = Undefined(random.why_none) if random.why_none else p
        return found

    def _notes(
        self, tests: Sequence[Draws], trials: Sequence[Trial], redrawn: int, jittered_paths: Sequence[str]
    ) -> list[str]:
        notes = [tests[0].why_none] if tests[0].why_none else []
        if "parameter-jitter" in self.tests and not jittered_paths:
            notes.append("the strategy has no numeric option: parameter-jitter ran it unchanged")
        if redrawn:
            notes.append(f"{redrawn} sets of jittered parameters were refused by a component and drawn anew")
        if broken := failed(trials):
            notes.append(f"{len(broken)} of {len(trials)} backtests failed, the first: {broken[0].reason}")
        return notes


def _study(pipeline: Pipeline, parameters: Sequence[Item], both_touched: Any) -> RerunStudy:
    """A study over candles with the warm-up of every set of parameters."""
    made = make_study(pipeline, parameters, None, both_touched)
    return RerunStudy(made.pipeline, made.data, None, both_touched)


def _tell(session: Session, test: str) -> None:
    """Say what is drawn next. Raises KeyboardInterrupt when the user asked to stop."""
    if session.cancelled():
        raise KeyboardInterrupt
    session.progress(0.0, f"drawing: {test}")


def _run(items: Sequence[Item], study: RerunStudy, session: Session, journal: Journal) -> list[Trial]:
    """The trial of each item; equal ones, as rounding makes them of whole numbers, run once."""
    if not items:
        return []
    different = {repr(item): item for item in items}
    trials = run_trials(study, list(different.values()), session, journal, told="{} of {} backtests".format)
    known = dict(zip(different, trials, strict=True))
    return [known[repr(item)] for item in items]


def _backtest(pipeline: Pipeline, data: MarketData, session: Session, both_touched: str) -> RunResult:
    run = backtest(pipeline, data, both_touched=both_touched, events=session.events, cancelled=session.cancelled)
    return result_of(KIND, pipeline, data, run)


def _returns(base: RunResult, capital: float, *, additive: bool) -> Any:
    return returns_of(base.trades["net_pnl"], base.trades["equity_at_entry"], capital, additive=additive)


def _plain(value: Value) -> float | None:
    return None if isinstance(value, Undefined) else value


def _reasons(values: Mapping[str, Value]) -> dict[str, str]:
    return {name: value.reason for name, value in values.items() if isinstance(value, Undefined)}
