"""The alert sink ``telegram``: one ``sendMessage`` of the Bot API for each alert."""

from __future__ import annotations

import json
import math
import re
from typing import Any

import attrs
from attrs.validators import gt, le

from quantsail_framework import Alert, Secret, redacted
from quantsail_framework.domain.alert import LEVELS, Level
from quantsail_framework.errors import DeliveryError, InputError
from quantsail_framework.http import Answer, check_url, post_json
from quantsail_telegram.text import messages

_TOKEN = re.compile(r"\d+:[A-Za-z0-9_-]+")
_CHAT = re.compile(r"-?\d+|@\w+")


def _check_chat(_sink: object, _field: object, value: int | str) -> None:
    if not _CHAT.fullmatch(str(value)) or value == 0:
        raise ValueError('must be the number of a chat such as -1001234567890, or the name of a channel: "@name"')


def _check_base_url(_sink: object, _field: object, value: str) -> None:
    check_url(value, "the address of the Bot API")


@attrs.frozen
class TelegramSink:
    """Sends alerts to one chat.

    The token is part of the address that is called: it is never kept in a variable of a frame that may
    raise, and what the server says is searched for it.
    """

    token: Secret = attrs.field(metadata={"doc": "Token of the bot, as @BotFather gives it."})
    chat_id: int | str = attrs.field(
        validator=_check_chat, metadata={"doc": "Number of the chat (negative for groups), or @name of a channel."}
    )
    silent_below: Level = attrs.field(
        default="warning", metadata={"doc": "Less urgent alerts make no sound: info, success, warning or error."}
    )
    timeout_s: float = attrs.field(
        default=10.0, validator=[gt(0.0), le(300.0)], metadata={"doc": "Longest wait for the server, in seconds."}
    )
    base_url: str = attrs.field(
        default="https://api.telegram.org",
        validator=_check_base_url,
        metadata={"doc": "Address of the Bot API: for a server of your own. http:// on this machine only."},
    )

    def open(self) -> None:
        """Raises InputError when there is no token, or what is there cannot be one."""
        if not _TOKEN.fullmatch(self.token.reveal()):
            raise InputError("the secret is no token of a Telegram bot, which looks like 123456:ABC-def_1")

    def send(self, alert: Alert) -> None:
        """Deliver it; as plain text when the server refuses the markup. Raises DeliveryError."""
        marked_up, plain = messages(alert)
        quiet = alert.urgency < LEVELS.index(self.silent_below)
        answer = self._call(text=marked_up, parse_mode="HTML", disable_notification=quiet)
        if answer.status == 400:
            answer = self._call(text=plain, disable_notification=quiet)
        answer.require_success(_description(answer))
        if answer.json().get("ok") is not True:
            raise DeliveryError(f"HTTP {answer.status}, but not an answer of the Bot API")

    def close(self) -> None:
        """Nothing to close: each message has a connection of its own."""

    def _call(self, **message: Any) -> Answer:
        body = {"chat_id": self.chat_id, "link_preview_options": {"is_disabled": True}, **message}
        answer = post_json(self._url(), json.dumps(body).encode(), self.timeout_s)
        return attrs.evolve(answer, retry_after_s=_wait(answer) or answer.retry_after_s)

    def _url(self) -> str:
        return f"{self.base_url.rstrip('/')}/bot{self.token.reveal()}/sendMessage"


def _description(answer: Answer) -> str:
    """What the server says, without the token should it repeat that."""
    return redacted(str(answer.json().get("description", "")))


def _wait(answer: Answer) -> float | None:
    """Seconds after which a flooded bot may send again."""
    parameters = answer.json().get("parameters")
    wait = parameters.get("retry_after") if isinstance(parameters, dict) else None
    return float(wait) if isinstance(wait, int | float) and math.isfinite(wait) else None
