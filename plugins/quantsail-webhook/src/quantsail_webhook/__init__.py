"""Announces the alert sink ``webhook``; imports nothing heavy."""

from __future__ import annotations

from collections.abc import Iterable

from quantsail_framework import Component, hookimpl


@hookimpl
def quantsail_alert_sinks() -> Iterable[Component]:
    """The alert sink of this plugin."""
    yield Component(
        "webhook",
        "quantsail_webhook.sink:WebhookSink",
        "Posts alerts as signed JSON to an address of yours.",
        network=True,
        example={"url": {"env": "WEBHOOK_URL"}, "secret": {"env": "WEBHOOK_SECRET"}},
    )
