"""The contract of objectives: one finite number for a result, or None."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from typing import Any, ClassVar

import attrs

from quantsail_framework.domain.result import RunResult
from quantsail_framework.testing.contract import Contract, case, expect
from quantsail_framework.testing.examples import example_result

COUNTS = (0, 1, 2, 8, 40)


class ObjectiveContract(Contract, suite=True):
    """Cases for ``Objective``, on results with no trade, one, two, eight and forty.

    Override ``results`` for an objective of another runner's results.
    """

    kind: ClassVar[str] = "objective"
    methods: ClassVar[Mapping[str, int]] = {"score": 1}

    def results(self) -> Mapping[str, RunResult]:
        """The results to score, by a name for messages."""
        return {f"{count} trades": example_result(count) for count in COUNTS}

    def questions(self) -> Any:
        """The results."""
        return dict(self.results())

    @staticmethod
    def replies(component: Any, questions: Any) -> Mapping[str, Any]:
        """The score of each."""
        return {f"the score ({name})": component.score(result) for name, result in questions.items()}

    def try_out(self, component: Any) -> None:
        """Score every result."""
        for name, result in self.results().items():
            _expect_score(component.score(result), name)

    @case("OJ-01")
    def test_oj01_scores_are_finite(self) -> None:
        """A result whose metrics are undefined (None), such as one without trades, is a result like any other: its
        score is None, or a finite number where there still is one. Look for a comparison or a division with None."""
        self.try_out(self.build())

    @case("OJ-02")
    def test_oj02_some_result_has_a_score(self) -> None:
        """A search needs numbers to compare: at least one result with many trades has a score."""
        scores = [self.build().score(result) for result in self.results().values()]
        expect(any(score is not None for score in scores), "no result has a score")

    @case("OJ-03")
    def test_oj03_same_result_same_score(self) -> None:
        """A result scores the same again, after others and by another copy of the objective: no state, no clock, no
        random number. Trials run in any order and in any process."""
        objective, twin = self.build(), self.build()
        results = self.results()
        first = {name: objective.score(result) for name, result in results.items()}
        for name, result in reversed(list(results.items())):
            again = twin.score(result)
            expect(again == first[name], f"the score is {first[name]} and then {again} ({name})")

    @case("OJ-04")
    def test_oj04_result_is_left_alone(self) -> None:
        """The trial's metrics are read after its score: copy before sorting or scaling a column."""
        for name, result in self.results().items():
            given = attrs.evolve(
                result, tables=copy.deepcopy(dict(result.tables)), metrics=copy.deepcopy(dict(result.metrics))
            )
            self.build().score(given)
            expect(repr(given.metrics) == repr(result.metrics), f"the objective changed the metrics ({name})")
            for table, columns in result.tables.items():
                for column, values in columns.items():
                    same = repr(given.tables[table][column].tolist()) == repr(values.tolist())
                    expect(same, f"the objective changed column {table}.{column} ({name})")

    @case("OJ-05")
    def test_oj05_extreme_results(self) -> None:
        """Metrics that are all undefined, all zero, or all of 1e100: the score is None or a finite number. Look for a
        division, a logarithm of zero, and for products that overflow."""
        for name, result in self.results().items():
            plain = [metric for metric, value in result.metrics.items() if value is None or isinstance(value, float)]
            for value in (None, 0.0, 1e100):
                metrics = {**result.metrics, **dict.fromkeys(plain, value)}
                _expect_score(self.build().score(attrs.evolve(result, metrics=metrics)), f"all metrics {value}, {name}")


def _expect_score(score: Any, where: str) -> None:
    if score is None:
        return
    number = isinstance(score, int | float) and not isinstance(score, bool)
    expect(number, f"score returned {type(score).__name__}, not a number or None ({where})")
    expect(math.isfinite(score), f"score returned {score}; what has none is None ({where})")
