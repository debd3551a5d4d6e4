"""Announces the alert sink ``apprise``; imports nothing heavy."""

from __future__ import annotations

from collections.abc import Iterable

from quantsail_framework import Component, hookimpl


@hookimpl
def quantsail_alert_sinks() -> Iterable[Component]:
    """The alert sink of this plugin."""
    yield Component(
        "apprise",
        "quantsail_apprise.sink:AppriseSink",
        "Sends alerts to one of the services that Apprise knows.",
        network=True,
        example={"url": {"env": "APPRISE_URL"}},
    )
