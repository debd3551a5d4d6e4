"""What executors on clusters share: an address or a cluster of their own, started once for several maps."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol

from quantsail_framework.errors import InputError
from quantsail_framework.ports.executor import Executor


class Clusters(Protocol):
    """The library's side: a module that is imported at first use."""

    def connected(self, address: str) -> AbstractContextManager[Executor]:
        """The cluster at an address."""
        ...

    def of_its_own(self, workers: int | None) -> AbstractContextManager[Executor]:
        """Processes of this machine; one per core without a number."""
        ...


class ClusterExecutor:
    """Its subclasses, frozen attrs classes, have the options ``address`` and ``workers``, and say whose clusters."""

    address: str | None
    workers: int | None

    def __attrs_post_init__(self) -> None:
        if self.address and self.workers:
            raise InputError("workers is for a cluster of its own: the one at the address has the workers that it has")

    @property
    @abstractmethod
    def clusters(self) -> Clusters:
        """The module that connects and starts."""

    def map(
        self, function: Callable[[Any, Any], Any], items: Sequence[Any], *, shared: Any
    ) -> Iterator[tuple[int, Any]]:
        """(index, ``function(item, shared)``) in any order. Closing the iterator cancels the rest.

        Raises RunError when no cluster or worker answers, or a worker has other versions than this process.
        """
        if items:
            with self.started() as running:
                yield from running.map(function, items, shared=shared)

    @contextmanager
    def started(self) -> Iterator[Executor]:
        """The cluster, connected or started once for several maps."""
        clusters = self.clusters
        with clusters.connected(self.address) if self.address else clusters.of_its_own(self.workers) as running:
            yield running
