"""The contract of executors: an honest one passes, broken ones are told why."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import attrs
import pytest

from quantsail_framework.testing import ExecutorContract
from tests.testing_kit.kit import failure, run_all, suite


@attrs.frozen
class Backwards:
    """Honest: in this process, the last item first."""

    def map(self, function: Any, items: Any, *, shared: Any) -> Iterator[tuple[int, Any]]:
        for index in reversed(range(len(items))):
            yield index, function(items[index], shared)


def test_an_honest_executor_passes() -> None:
    run_all(suite(ExecutorContract, Backwards))


@attrs.frozen
class Loses(Backwards):
    def map(self, function: Any, items: Any, *, shared: Any) -> Iterator[tuple[int, Any]]:
        yield from list(super().map(function, items, shared=shared))[1:]


@attrs.frozen
class Rounds(Backwards):
    def map(self, function: Any, items: Any, *, shared: Any) -> Iterator[tuple[int, Any]]:
        yield from ((index, round(result)) for index, result in super().map(function, items, shared=shared))


@attrs.frozen
class Invents(Backwards):
    def map(self, function: Any, items: Any, *, shared: Any) -> Iterator[tuple[int, Any]]:
        yield from super().map(function, items, shared=shared) if items else iter([(0, None)])


@attrs.frozen
class Swallows(Backwards):
    def map(self, function: Any, items: Any, *, shared: Any) -> Iterator[tuple[int, Any]]:
        for index, item in enumerate(items):
            try:
                yield index, function(item, shared)
            except ValueError:
                continue


@attrs.frozen
class OnlyOnce(Backwards):
    def map(self, function: Any, items: Any, *, shared: Any) -> Iterator[tuple[int, Any]]:
        try:
            yield from super().map(function, items, shared=shared)
        except GeneratorExit:
            raise RuntimeError("closed too early") from None


@pytest.mark.parametrize(
    ("broken", "case", "text"),
    [
        (Loses, "test_ex01", "25 items gave the indices"),
        (Rounds, "test_ex01", ", here "),
        (Invents, "test_ex02", "no items gave results"),
        (Swallows, "test_ex03", "the caller saw nothing of it"),
        (OnlyOnce, "test_ex04", "closing raised RuntimeError: closed too early"),
    ],
)
def test_a_broken_executor_is_told_why(broken: type[Any], case: str, text: str) -> None:
    tested = suite(ExecutorContract, broken)
    (name,) = (name for name in tested.cases.values() if name.startswith(case))
    assert text in failure(getattr(tested, name))
