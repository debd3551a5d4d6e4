"""The plugin's list of components; imports nothing heavy."""

from __future__ import annotations

from collections.abc import Iterable

from quantsail_framework import Component, hookimpl


@hookimpl
def quantsail_executors() -> Iterable[Component]:
    """Workers of a Dask cluster."""
    yield Component("dask", "quantsail_dask.executor:DaskExecutor", "Runs trials on a Dask cluster.", network=True)
