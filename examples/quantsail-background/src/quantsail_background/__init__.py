"""Announces the executor of this plugin; imports nothing heavy."""

from __future__ import annotations

from collections.abc import Iterable

from quantsail_framework import Component, hookimpl


@hookimpl
def quantsail_executors() -> Iterable[Component]:
    """The executor `background`."""
    yield Component(
        "background",
        "quantsail_background.executor:BackgroundExecutor",
        "Runs trials in processes of low priority.",
    )
