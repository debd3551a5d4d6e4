"""The plugin's list of components; imports nothing heavy."""

from __future__ import annotations

from collections.abc import Iterable

from quantsail_framework import Component, hookimpl


@hookimpl
def quantsail_executors() -> Iterable[Component]:
    """Workers of a Ray cluster."""
    yield Component("ray", "quantsail_ray.executor:RayExecutor", "Runs trials on a Ray cluster.", network=True)
