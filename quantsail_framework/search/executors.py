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
    where the items run.
    """

    def __init__(self, pipeline: Pipeline, registry: Registry, policy: Callable[[], Policy] | None = None) -> None:
        self._pipeline = pipeline
        self._registry = registry
        self._policy = policy
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
        guarded = function if self._policy is None else Guarded(function, self._policy())
        if self._in_use is None:
            executor = self._executor()
            started = getattr(executor, "started", None)
            self._in_use = self._kept.enter_context(started()) if started else executor
        yield from self._in_use.map(guarded, items, shared=shared)

    def _executor(self) -> Executor:
        if self._pipeline.executor is not None:
            return self._pipeline.executor
        try:
            local: Executor = self._registry.load("executor", LOCAL)()
        except UnknownComponentError:
            return SerialExecutor()
        return local
