"""Where the items of a large job run when nothing else is installed: here, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import attrs

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


@attrs.frozen
class ChosenExecutor:
    """The pipeline's own executor, else the one called `local`, else this process; looked up when it is used.

    ``policy`` says who may use the network where the items run.
    """

    pipeline: Pipeline
    registry: Registry
    policy: Callable[[], Policy] | None = None

    def map(
        self, function: Callable[[Any, Any], Any], items: Sequence[Any], *, shared: Any
    ) -> Iterator[tuple[int, Any]]:
        """As the executor does that it stands for."""
        guarded = function if self.policy is None else Guarded(function, self.policy())
        yield from self._executor().map(guarded, items, shared=shared)

    def _executor(self) -> Executor:
        if self.pipeline.executor is not None:
            return self.pipeline.executor
        try:
            local: Executor = self.registry.load("executor", LOCAL)()
        except UnknownComponentError:
            return SerialExecutor()
        return local
