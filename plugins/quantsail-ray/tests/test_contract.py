"""The executor keeps the contract of executors, on a cluster that it started itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from quantsail_framework.testing import ExecutorContract

pytest.importorskip("quantsail_ray", reason="quantsail-ray is not installed: it is no part of `standard`")
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def own() -> Iterator[Any]:
    from quantsail_ray.executor import RayExecutor

    with RayExecutor(workers=2).started() as running, pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")  # it is on the loopback device only
        yield running


class TestAtAnAddress(ExecutorContract):
    plugin = "quantsail_ray"
    component = "ray"

    @pytest.fixture(autouse=True)
    def _cluster(self, own: Any) -> None:
        self.options = {"address": own.address}
