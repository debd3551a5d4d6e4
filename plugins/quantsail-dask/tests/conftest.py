"""One cluster for all tests of this folder that do not end it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest


@pytest.fixture(scope="session")
def own() -> Iterator[Any]:
    from quantsail_dask.executor import DaskExecutor

    with DaskExecutor(workers=2).started() as running:
        yield running
