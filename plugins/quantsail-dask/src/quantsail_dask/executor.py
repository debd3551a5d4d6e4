"""The executor `dask`: workers of a Dask cluster, one that is there or one of its own on this machine."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import attrs
from attrs.validators import ge, optional

from quantsail_framework.errors import InputError
from quantsail_framework.ports.executor import Executor


def _check_address(_executor: object, _field: object, value: str) -> None:
    if not re.fullmatch(r"(tcp|tls|ws|wss)://[^/\s]+:\d{1,5}", value):
        raise ValueError(
            'must be the address of a scheduler (tcp, tls, ws or wss) with its port, such as "tcp://10.0.0.5:8786"'
        )


@attrs.frozen
class DaskExecutor:
    """Runs items on the workers of a Dask cluster; the same results for any number of them.

    Without an address it starts processes of this machine for as long as it is used. Each worker is given the study
    once. An item whose worker dies is run once more.
    """

    address: str | None = attrs.field(
        default=None,
        validator=optional(_check_address),
        metadata={"doc": 'Scheduler of a cluster, such as "tcp://10.0.0.5:8786"; without one, a cluster of its own.'},
    )
    workers: int | None = attrs.field(
        default=None,
        validator=optional(ge(1)),
        metadata={"doc": "Processes of a cluster of its own; without a number, one per core."},
    )

    def __attrs_post_init__(self) -> None:
        if self.address and self.workers:
            raise InputError("workers is for a cluster of its own: the one at the address has the workers that it has")

    def map(
        self, function: Callable[[Any, Any], Any], items: Sequence[Any], *, shared: Any
    ) -> Iterator[tuple[int, Any]]:
        """(index, ``function(item, shared)``) in any order. Closing the iterator cancels the rest.

        Raises RunError when no scheduler or worker answers, or a worker has other versions than this process.
        """
        if items:
            with self.started() as running:
                yield from running.map(function, items, shared=shared)

    @contextmanager
    def started(self) -> Iterator[Executor]:
        """The cluster, connected or started once for several maps."""
        from quantsail_dask import cluster

        opened = cluster.connected(self.address) if self.address else cluster.of_its_own(self.workers)
        with opened as running:
            yield running
