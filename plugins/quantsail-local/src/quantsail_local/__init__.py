"""The plugin's list of components; imports nothing heavy."""

from __future__ import annotations

from collections.abc import Iterable

from quantsail_framework import Component, hookimpl


@hookimpl
def quantsail_executors() -> Iterable[Component]:
    """Processes of this machine."""
    yield Component("local", "quantsail_local.executor:LocalExecutor", "Runs trials in processes of this machine.")
