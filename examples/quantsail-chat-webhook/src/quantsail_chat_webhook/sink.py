"""Alerts in a chat: the alert sink `chat-webhook`."""

from __future__ import annotations

import json

import attrs
from attrs.validators import gt, le
from quantsail_framework import Alert, Secret
from quantsail_framework.http import check_url, post_json

SIGNS = {"info": "-", "success": "+", "warning": "!", "error": "!!"}


@attrs.frozen
class ChatWebhookSink:
    """Posts ``{"text": ...}`` to an incoming webhook, as Mattermost, Rocket.Chat and Slack take it.

    The address is a password: whoever has it can post. So it is a Secret, which shows nowhere.
    """

    url: Secret = attrs.field(metadata={"doc": "Address of the incoming webhook, https://."})
    timeout_s: float = attrs.field(
        default=10.0, validator=[gt(0.0), le(300.0)], metadata={"doc": "Longest wait for the chat, in seconds."}
    )

    def open(self) -> None:
        """Raises InputError when the address is missing or is none: better now than at the first alert."""
        check_url(self.url.reveal(), "the secret address of the chat")

    def send(self, alert: Alert) -> None:
        """Deliver it. Raises DeliveryError, which says whether to try again: the core does."""
        text = f"{SIGNS[alert.level]} {alert.title}: {alert.text}"
        body = json.dumps({"text": text}, ensure_ascii=False).encode()
        post_json(self.url.reveal(), body, self.timeout_s).require_success()

    def close(self) -> None:
        """Nothing stays open: each alert has a connection of its own."""
