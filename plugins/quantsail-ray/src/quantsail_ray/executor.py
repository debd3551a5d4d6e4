"""The executor `ray`: processes of a Ray cluster, one that is there or one of its own on this machine."""

from __future__ import annotations

import re

import attrs
from attrs.validators import ge, optional

from quantsail_framework.search.cluster import ClusterExecutor, Clusters


def _check_address(_executor: object, _field: object, value: str) -> None:
    if not re.fullmatch(r"auto|[^/\s]+:\d+", value):
        raise ValueError('must be auto or the address of the head of a cluster, such as "10.0.0.5:6379"')


@attrs.frozen
class RayExecutor(ClusterExecutor):
    """Runs items in the processes of a Ray cluster; the same results for any number of them.

    Without an address it starts a cluster on this machine for as long as it is used. The study is put into the object
    store once; the processes of one machine share its candles. An item whose process dies is run once more.
    """

    address: str | None = attrs.field(
        default=None,
        validator=optional(_check_address),
        metadata={"doc": 'Head of a cluster, such as "10.0.0.5:6379", or auto; without one, a cluster of its own.'},
    )
    workers: int | None = attrs.field(
        default=None,
        validator=optional(ge(1)),
        metadata={"doc": "Processes of a cluster of its own; without a number, one per core."},
    )

    @property
    def clusters(self) -> Clusters:
        from quantsail_ray import cluster

        return cluster
