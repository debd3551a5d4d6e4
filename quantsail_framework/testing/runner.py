"""The contract of runners: a result of the same shape whatever happened, the same each time."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np

from quantsail_framework.domain.bars import utc_text
from quantsail_framework.domain.result import RunResult, is_time_column
from quantsail_framework.ports.data_source import BarRequest
from quantsail_framework.ports.runner import Pipeline
from quantsail_framework.testing.causality import column_copies, expect_columns
from quantsail_framework.testing.contract import Contract, case, expect
from quantsail_framework.testing.examples import example_pipeline, example_session
from quantsail_framework.testing.fakes import FakeStrategy, ListEvents

# When the events of ListEvents happened. A refusal is named by its signal bar, which is earlier.
EVENT_TIMES: Mapping[str, Callable[..., int]] = {
    "order_filled": lambda position: position.entry_time_ns,
    "trade_closed": lambda trade: trade.exit_time,
    "equity_updated": lambda time_ns, _equity: time_ns,
    "bars_decided": lambda time_ns, _symbols, _seconds: time_ns,
}


class RunnerContract(Contract, suite=True):
    """Cases for ``Runner``, on a pipeline of fakes: 400 bars of one symbol, an entry every 20.

    Override ``pipeline`` for a runner that needs more (other data, its own tables).
    """

    kind: ClassVar[str] = "runner"
    methods: ClassVar[Mapping[str, int]] = {"run": 2}

    def pipeline(self, **parts: Any) -> Pipeline:
        """A pipeline that the runner can run; ``parts`` replaces fields of it."""
        return example_pipeline(**({"runner": self.component} | parts))

    def questions(self) -> Any:
        """The pipeline."""
        return self.pipeline()

    @staticmethod
    def replies(component: Any, questions: Any) -> Mapping[str, Any]:
        """Every column and metric of the result."""
        result = component.run(questions, example_session())
        columns = {
            f"{name}.{column}": values for name, table in result.tables.items() for column, values in table.items()
        }
        return columns | {f"metric {name!r}": value for name, value in result.metrics.items()}

    def run(self, pipeline: Pipeline, **session: Any) -> RunResult:
        """What a fresh runner returns."""
        result: RunResult = self.build().run(pipeline, example_session(**session))
        expect(isinstance(result, RunResult), f"run returned {type(result).__name__}, not RunResult")
        return result

    @case("RN-01")
    def test_rn01_result_has_its_shape(self) -> None:
        """``kind`` is the runner's name and ``name`` the pipeline's. Tables have columns of one length; times are int64
        nanoseconds."""
        result = self.run(self.pipeline())
        expect(result.kind == self.component, f"kind is {result.kind!r}; it must be {self.component!r}")
        expect(result.name == self.pipeline().name, f"name is {result.name!r}; it must be {self.pipeline().name!r}")
        _expect_tables(result)

    @case("RN-02")
    def test_rn02_metrics_are_plain(self) -> None:
        """Metrics are plain Python values that JSON can hold, fractions and not percents; what is undefined is None
        with its reason in ``undefined``, never NaN or infinity."""
        _expect_metrics(self.run(self.pipeline()))

    @case("RN-03")
    def test_rn03_no_trade_is_a_result(self) -> None:
        """A strategy that never enters gives the same tables and columns, and the same metrics by name."""
        full, empty = self.run(self.pipeline()), self.run(self.pipeline(strategy=FakeStrategy(every=0)))
        for name, table in full.tables.items():
            expect(name in empty.tables, f"without trades there is no table {name!r}")
            missing = sorted(set(table) - set(empty.tables[name]))
            expect(not missing, f"without trades table {name!r} lacks {', '.join(missing)}")
        missing = sorted(set(full.metrics) - set(empty.metrics))
        expect(not missing, f"without trades the metrics lack {', '.join(missing)}")
        _expect_tables(empty)
        _expect_metrics(empty)

    @case("RN-04")
    def test_rn04_same_run_same_result(self) -> None:
        """Two runs of one pipeline agree in every table and metric: no wall clock (session.wall_ns is for the
        manifest), and randomness from a generator made of pipeline.seed."""
        first, again = self.run(self.pipeline()), self.run(self.pipeline())
        for name, table in first.tables.items():
            for column, values in table.items():
                other = again.tables.get(name, {}).get(column)
                same = other is not None and repr(values.tolist()) == repr(other.tolist())
                expect(same, f"column {name}.{column} differs between two runs")
        expect(repr(first.metrics) == repr(again.metrics), "the metrics differ between two runs")

    @case("RN-05")
    def test_rn05_progress_moves_on(self) -> None:
        """``progress`` is given fractions from 0 to 1 that never fall, with a text."""
        seen: list[float] = []
        self.run(self.pipeline(), progress=lambda fraction, _text: seen.append(fraction))
        expect(all(0.0 <= fraction <= 1.0 for fraction in seen), f"progress is told {seen}; it must lie in 0 to 1")
        expect(seen == sorted(seen), f"progress falls: {seen}")

    @case("RN-06")
    def test_rn06_events_come_in_time_order(self) -> None:
        """What the runner tells session.events (fills, closed trades, equity) never goes back in time; each is named
        by the open of the bar in which it happened."""
        events = ListEvents()
        self.run(self.pipeline(), events=events)
        told = [(EVENT_TIMES[name](*values), name) for name, values in events.happened if name in EVENT_TIMES]
        for (before, first), (after, second) in pairwise(told):
            expect(before <= after, f"{first} of {utc_text(before)} is told before {second} of {utc_text(after)}")

    @case("RN-07")
    def test_rn07_candles_are_left_alone(self) -> None:
        """The source's candles serve the next run too, and the caller: a runner reads them, and leaves the read-only
        flags as they are."""
        pipeline = self.pipeline()
        asked = [BarRequest(symbol, pipeline.data.timeframe) for symbol in pipeline.data.symbols]
        series = list(pipeline.source.bars(asked))
        before = [column_copies(bars) for bars in series]
        self.run(pipeline)
        for bars, columns in zip(series, before, strict=True):
            expect_columns("the runner", columns, bars, bars.symbol)


def _expect_tables(result: RunResult) -> None:
    for name, table in result.tables.items():
        lengths = {column: len(values) for column, values in table.items()}
        expect(len(set(lengths.values())) <= 1, f"the columns of table {name!r} have different lengths: {lengths}")
        for column, values in table.items():
            expect(isinstance(values, np.ndarray), f"column {name}.{column} is {type(values).__name__}, not an array")
            right = not is_time_column(column) or values.dtype == np.int64
            expect(right, f"column {name}.{column} holds {values.dtype}; times are int64 nanoseconds")


def _expect_metrics(result: RunResult) -> None:
    try:
        json.dumps(result.metrics, allow_nan=False)
    except (TypeError, ValueError) as error:
        bad = [name for name, value in result.metrics.items() if isinstance(value, float) and not math.isfinite(value)]
        expect(False, f"the metrics are not plain finite values: {error} {', '.join(bad)}")
    unexplained = sorted(
        name for name, value in result.metrics.items() if value is None and name not in result.undefined
    )
    expect(not unexplained, f"no reason is given why {', '.join(unexplained)} is undefined")
