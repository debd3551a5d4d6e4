"""Where the items of a large job run when nothing else is installed: here, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from typing import Any, Self

from quantsail_framework.errors import UnknownComponentError
from quantsail_framework.network import Guarded, Policy
from quantsail_framework.plugins import Registry
from quantsail_framework.ports.executor import Executor
from quantsail_framework.ports.runner import Pipeline

LOCAL = "local"


class SerialExecutor:
    """Runs each item in this process."""

    def map(
        self, function: Callable[[Any, Any], Any], items: Sequence[Any], *, shared: Any
    ) -> Iterator[tuple[int, Any]]:
        """(index, ``function(item, shared)``), in order."""
        for index, item in enumerate(items):
            yield index, function(item, shared)


class ChosenExecutor:
    """The pipeline's own executor, else the one called `local`, else this process; looked up when it is used.

    As a context manager it ends what an executor keeps for the length of a run. ``policy`` says who may use the network
    where the items run; what was denied there is added to ``denied``.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        registry: Registry,
        policy: Callable[[], Policy] | None = None,
        denied: list[str] | None = None,
    ) -> None:
        self._pipeline = pipeline
        self._registry = registry
        self._policy = policy
        self._denied = [] if denied is None else denied
        self._kept = ExitStack()
        self._in_use: Executor | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: Any) -> None:
        self._kept.__exit__(*error)

    def map(
        self, function: Callable[[Any, Any], Any], items: Sequence[Any], *, shared: Any
    ) -> Iterator[tuple[int, Any]]:
        """As the executor does that it stands for."""
        if self._in_use is None:
            executor = self._executor()
            started = getattr(executor, "started", None)
            self._in_use = self._kept.enter_context(started()) if started else executor
        if self._policy is None:
            yield from self._in_use.map(function, items, shared=shared)
        else:
            yield from self._noting(self._in_use.map(Guarded(function, self._policy()), items, shared=shared))

    def _noting(self, answers: Iterator[tuple[int, tuple[Any, list[str]]]]) -> Iterator[tuple[int, Any]]:
        """The answers without what was denied, which is noted in the order of the items, not in that of the workers."""
        denials: dict[int, list[str]] = {}
        try:
            for index, (answer, denied) in answers:
                denials[index] = denied
                yield index, answer
        finally:
            close = getattr(answers, "close", None)
            if close:
                close()
            for text in (text for index in sorted(denials) for text in denials[index]):
                if text not in self._denied:
                    self._denied.append(text)

    def _executor(self) -> Executor:
        if self._pipeline.executor is not None:
            return self._pipeline.executor
        try:
            local: Executor = self._registry.load("executor", LOCAL)()
        except UnknownComponentError:
            return SerialExecutor()
        return local
