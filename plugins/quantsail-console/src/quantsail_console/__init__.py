"""Announces the alert sink ``console``; imports nothing heavy."""

from __future__ import annotations

from collections.abc import Iterable

from quantsail_framework import Component, hookimpl


@hookimpl
def quantsail_alert_sinks() -> Iterable[Component]:
    """The alert sink of this plugin."""
    yield Component("console", "quantsail_console.sink:ConsoleSink", "Writes alerts to the terminal.")
