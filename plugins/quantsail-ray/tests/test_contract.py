"""The executor keeps the contract of executors, on a cluster that it started itself."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from quantsail_framework.testing import ExecutorContract

pytest.importorskip("quantsail_ray", reason="quantsail-ray is not installed: it is no part of `standard`")
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def _cluster() -> Iterator[None]:
    from quantsail_ray.executor import RayExecutor

    with RayExecutor(workers=2).started():
        yield


@pytest.mark.usefixtures("_cluster")  # which each executor takes that finds it in its process
class TestOwnCluster(ExecutorContract):
    plugin = "quantsail_ray"
    component = "ray"
    options = {"workers": 2}
