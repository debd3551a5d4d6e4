"""`chat-webhook` before a server that stands in for the chat."""

from __future__ import annotations

import pytest
from quantsail_framework import Alert
from quantsail_framework.config import build
from quantsail_framework.errors import DeliveryError, InputError
from quantsail_framework.testing import FakeServer, Reply

from quantsail_chat_webhook.sink import ChatWebhookSink

ALERT = Alert("trade_closed", "success", "BNB/USDT: +4.20", 0)


def sink(monkeypatch: pytest.MonkeyPatch, url: str) -> ChatWebhookSink:
    """The sink as a pipeline makes it, with its address in the environment."""
    monkeypatch.setenv("CHAT_URL", url)
    return build(ChatWebhookSink, {"url": {"env": "CHAT_URL"}}, "[[alerts]]")


def test_an_alert_is_one_text(monkeypatch: pytest.MonkeyPatch) -> None:
    with FakeServer() as server:
        sink(monkeypatch, f"{server.url}/hooks/secret").send(ALERT)
        (asked,) = server.requests
    assert (asked.path, asked.body) == ("/hooks/secret", b'{"text": "+ Trade closed: BNB/USDT: +4.20"}')


@pytest.mark.parametrize(("status", "permanent"), [(503, False), (404, True)])
def test_what_the_chat_refuses_is_tried_again_where_that_may_help(
    monkeypatch: pytest.MonkeyPatch, status: int, permanent: bool
) -> None:
    with FakeServer(Reply(status)) as server, pytest.raises(DeliveryError, match=f"HTTP {status}") as caught:
        sink(monkeypatch, f"{server.url}/hooks/secret").send(ALERT)
    assert caught.value.permanent is permanent
    assert "secret" not in str(caught.value)


def test_an_address_that_is_none_is_refused_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="the secret address of the chat is no URL"):
        sink(monkeypatch, "chat").open()
