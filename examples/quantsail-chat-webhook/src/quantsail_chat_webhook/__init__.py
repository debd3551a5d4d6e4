"""Announces the alert sink of this plugin; imports nothing heavy."""

from __future__ import annotations

from collections.abc import Iterable

from quantsail_framework import Component, hookimpl


@hookimpl
def quantsail_alert_sinks() -> Iterable[Component]:
    """The alert sink `chat-webhook`."""
    yield Component(
        "chat-webhook",
        "quantsail_chat_webhook.sink:ChatWebhookSink",
        "Posts alerts to a chat.",
        network=True,
        example={"url": {"env": "CHAT_URL"}},
    )
