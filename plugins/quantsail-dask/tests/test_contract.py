"""The executor keeps the contract of executors, on a cluster that it started itself."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from quantsail_framework.testing import ExecutorContract


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    from quantsail_dask.executor import DaskExecutor

    with DaskExecutor(workers=2).started() as running:
        yield running.client.scheduler_info()["address"]


class TestAtAnAddress(ExecutorContract):
    plugin = "quantsail_dask"
    component = "dask"

    @pytest.fixture(autouse=True)
    def _cluster(self, address: str) -> None:
        self.options = {"address": address}
