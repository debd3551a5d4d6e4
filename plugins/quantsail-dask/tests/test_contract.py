"""The executor keeps the contract of executors, on a cluster that it started itself."""

from __future__ import annotations

from typing import Any

import pytest

from quantsail_framework.testing import ExecutorContract


class TestAtAnAddress(ExecutorContract):
    plugin = "quantsail_dask"
    component = "dask"

    @pytest.fixture(autouse=True)
    def _cluster(self, own: Any) -> None:
        self.options = {"address": own.client.scheduler_info()["address"]}
