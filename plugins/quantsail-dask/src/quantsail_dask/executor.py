"""The executor `dask`: workers of a Dask cluster, one that is there or one of its own on this machine."""

from __future__ import annotations

import re

import attrs
from attrs.validators import ge, optional

from quantsail_framework.search.cluster import ClusterExecutor, Clusters


def _check_address(_executor: object, _field: object, value: str) -> None:
    if not re.fullmatch(r"(tcp|tls|ws|wss)://[^/\s]+:\d{1,5}", value):
        raise ValueError(
            'must be the address of a scheduler (tcp, tls, ws or wss) with its port, such as "tcp://10.0.0.5:8786"'
        )


@attrs.frozen
class DaskExecutor(ClusterExecutor):
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

    @property
    def clusters(self) -> Clusters:
        from quantsail_dask import cluster

        return cluster
