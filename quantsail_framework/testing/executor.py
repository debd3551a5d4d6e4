"""The contract of executors: the same results as one after the other, each once, wherever they run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from quantsail_framework.testing.contract import Contract, case, expect

ITEMS = 25


def scaled_sum(item: int, shared: Mapping[str, Any]) -> float:
    """What the cases map: it needs the item, a number and a column that is shared."""
    return float(item * shared["factor"] + shared["column"].sum())


def refuses_seven(item: int, _shared: Any) -> int:
    """The item; seven raises ValueError."""
    if item == 7:
        raise ValueError("seven is refused")
    return item


class ExecutorContract(Contract, suite=True):
    """Cases for ``Executor``. They start what it runs on: set ``options`` so that this is small and local."""

    kind: ClassVar[str] = "executor"
    methods: ClassVar[Mapping[str, int]] = {}  # map has a keyword, which EX-01 uses

    def run(self, function: Callable[[Any, Any], Any], items: Sequence[Any], shared: Any) -> list[tuple[int, Any]]:
        """All that a fresh executor gives."""
        return list(self.build().map(function, items, shared=shared))

    @case("EX-01")
    def test_ex01_every_item_once_with_its_result(self) -> None:
        """Each index comes exactly once, in any order, with what the function gives for that item: to the last bit
        what it gives in this process."""
        shared = {"factor": 0.1, "column": np.arange(1_000.0)}
        found = self.run(scaled_sum, list(range(ITEMS)), shared)
        indices = sorted(index for index, _ in found)
        expect(indices == list(range(ITEMS)), f"{ITEMS} items gave the indices {indices}")
        for index, result in found:
            expect(
                result == scaled_sum(index, shared), f"item {index} gave {result!r}, here {scaled_sum(index, shared)!r}"
            )

    @case("EX-02")
    def test_ex02_nothing_to_do(self) -> None:
        """No items give no results, and nothing is left running."""
        expect(self.run(scaled_sum, [], {}) == [], "no items gave results")

    @case("EX-03")
    def test_ex03_an_error_reaches_the_caller(self) -> None:
        """What the function raises is raised by the iterator, with its type and its words."""
        try:
            self.run(refuses_seven, list(range(ITEMS)), None)
        except ValueError as error:
            expect("seven is refused" in str(error), f"the words of the error are lost: {error}")
        else:
            expect(False, "the function raised ValueError, and the caller saw nothing of it")

    @case("EX-04")
    def test_ex04_closing_ends_it(self) -> None:
        """Closing the iterator after the first result cancels the rest without an error, and the executor can be used
        again."""
        executor = self.build()
        shared = {"factor": 1.0, "column": np.ones(3)}
        running = executor.map(scaled_sum, list(range(ITEMS)), shared=shared)
        next(running)
        try:
            running.close()
        except Exception as error:  # noqa: BLE001 - whatever it is, it is told
            expect(False, f"closing raised {type(error).__name__}: {error}")
        again = dict(executor.map(scaled_sum, [5], shared=shared))
        expect(again == {0: 8.0}, f"after a closed map, another gave {again}; it must be {{0: 8.0}}")
