"""Announces the reporter of this plugin; imports nothing heavy."""

from __future__ import annotations

from collections.abc import Iterable

from quantsail_framework import Component, hookimpl


@hookimpl
def quantsail_reporters() -> Iterable[Component]:
    """The reporter `junit`."""
    yield Component(
        "junit",
        "quantsail_junit.reporter:JUnit",
        "Writes verdict and criteria as JUnit XML.",
    )
