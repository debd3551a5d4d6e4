"""Announces the alert sink ``telegram``; imports nothing heavy."""

from __future__ import annotations

from collections.abc import Iterable

from quantsail_framework import Component, hookimpl


@hookimpl
def quantsail_alert_sinks() -> Iterable[Component]:
    """The alert sink of this plugin."""
    yield Component(
        "telegram",
        "quantsail_telegram.sink:TelegramSink",
        "Sends alerts as messages of a Telegram bot.",
        network=True,
        example={"token": {"env": "TELEGRAM_TOKEN"}, "chat_id": 123456789},
    )
