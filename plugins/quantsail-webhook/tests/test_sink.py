"""The sink against a receiver on this machine: what arrives, how it is verified, what is tried again, never shown."""

from __future__ import annotations

import hashlib
import hmac
import logging
import re
import socket
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from quantsail_framework import Alert, Secret
from quantsail_framework.errors import DeliveryError, InputError
from quantsail_framework.testing import FakeServer, Reply
from quantsail_webhook.sink import WebhookSink, payload

KEY = "canary-key-4711"
PATH = "/hook/canary-4712?token=canary-4713"
README = Path(__file__).parents[1] / "README.md"
TIME_NS = 1_672_913_700_000_000_000  # 2023-01-05 10:15 UTC
ALERT = Alert("trade_closed", "success", "net +6.10 USDT ✓", TIME_NS, {"net_pnl": 6.1, "target": None})

IsGenuine = Callable[..., bool]


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with FakeServer() as server:
        yield server


@pytest.fixture
def sink(server: FakeServer, monkeypatch: pytest.MonkeyPatch) -> WebhookSink:
    monkeypatch.setenv("HOOK_URL", server.url + PATH)
    monkeypatch.setenv("HOOK_KEY", KEY)
    return WebhookSink(url=Secret(env="HOOK_URL"), secret=Secret(env="HOOK_KEY"), timeout_s=0.2)


@pytest.fixture
def is_genuine() -> IsGenuine:
    """The snippet of the README, which receivers copy."""
    (snippet,) = re.findall(r"^```python\n(.*?)^```", README.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    names: dict[str, Any] = {}
    exec(snippet, names)
    found: IsGenuine = names["is_genuine"]
    return found


def _as_sent(headers: Mapping[str, str]) -> dict[str, str]:
    """Header names as the README writes them; a receiver's framework ignores case."""
    return {"-".join(part.capitalize() for part in name.split("-")): value for name, value in headers.items()}


def test_an_alert_arrives_as_json(server: FakeServer, sink: WebhookSink) -> None:
    sink.open()
    sink.send(ALERT)
    (asked,) = server.requests
    assert asked.path == PATH
    body = asked.json
    assert re.fullmatch("[0-9a-f]{32}", body.pop("id"))
    assert body == {
        "version": 1,
        "kind": "trade_closed",
        "level": "success",
        "title": "Trade closed",
        "text": "net +6.10 USDT ✓",
        "time": "2023-01-05T10:15:00Z",
        "fields": {"net_pnl": 6.1, "target": None},
    }


def test_an_alert_that_is_sent_again_has_the_same_id_and_another_has_not() -> None:
    again = Alert("trade_closed", "success", "net +6.10 USDT ✓", TIME_NS, {"net_pnl": 6.1, "target": None})
    later = Alert("trade_closed", "success", "net +6.10 USDT ✓", TIME_NS + 1, {"net_pnl": 6.1, "target": None})
    assert payload(again)["id"] == payload(ALERT)["id"] != payload(later)["id"]


def test_the_signature_is_that_of_timestamp_and_body(server: FakeServer, sink: WebhookSink) -> None:
    sink.send(ALERT)
    (asked,) = server.requests
    timestamp = asked.headers["x-quantsail-timestamp"]
    assert abs(time.time() - int(timestamp)) < 10
    expected = hmac.new(KEY.encode(), timestamp.encode() + b"." + asked.body, hashlib.sha256).hexdigest()
    assert asked.headers["x-quantsail-signature"] == f"v1={expected}"


def test_the_snippet_of_the_readme_takes_what_is_sent_and_nothing_else(
    server: FakeServer, sink: WebhookSink, is_genuine: IsGenuine
) -> None:
    sink.send(ALERT)
    (asked,) = server.requests
    headers = _as_sent(asked.headers)
    assert is_genuine(headers, asked.body, KEY)
    assert not is_genuine(headers, asked.body + b" ", KEY)
    assert not is_genuine(headers, asked.body, "another key")
    later = str(int(headers["X-Quantsail-Timestamp"]) + 1)
    assert not is_genuine(headers | {"X-Quantsail-Timestamp": later}, asked.body, KEY)


def test_a_request_that_was_recorded_cannot_be_used_again(sink: WebhookSink, is_genuine: IsGenuine) -> None:
    body, long_ago = b"{}", str(int(time.time()) - 301)
    signature = hmac.new(KEY.encode(), f"{long_ago}.".encode() + body, hashlib.sha256).hexdigest()
    headers = {"X-Quantsail-Timestamp": long_ago, "X-Quantsail-Signature": f"v1={signature}"}
    assert not is_genuine(headers, body, KEY)
    assert is_genuine(headers, body, KEY, oldest_s=400)


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_every_success_is_one(server: FakeServer, sink: WebhookSink, status: int) -> None:
    server.otherwise = Reply(status)
    sink.send(ALERT)
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "reply, text, permanent, wait",
    [
        (Reply(429, {"Retry-After": "7"}), "HTTP 429", False, 7.0),
        (Reply(500, body=b"canary-4712"), "HTTP 500", False, None),
        (Reply(delay_s=30.0), "no answer within 0.2 s", False, None),
        (Reply(400), "HTTP 400", True, None),
        (Reply(301, {"Location": "http://127.0.0.1:1/"}), "HTTP 301: redirects, which are not followed", True, None),
    ],
)
def test_a_refusal_says_whether_to_try_again(
    server: FakeServer, sink: WebhookSink, reply: Reply, text: str, permanent: bool, wait: float | None
) -> None:
    server.otherwise = reply
    with pytest.raises(DeliveryError) as caught:
        sink.send(ALERT)
    assert (str(caught.value), caught.value.permanent, caught.value.retry_after_s) == (text, permanent, wait)


def test_open_checks_both_secrets(sink: WebhookSink, monkeypatch: pytest.MonkeyPatch) -> None:
    sink.open()
    monkeypatch.setenv("HOOK_URL", "http://hooks.example.org/canary")
    with pytest.raises(InputError, match=r"^the secret address of the webhook begins with http://"):
        sink.open()
    monkeypatch.setenv("HOOK_URL", "https://hooks.example.org/canary")
    monkeypatch.delenv("HOOK_KEY")
    with pytest.raises(InputError, match="environment variable HOOK_KEY is not set"):
        sink.open()


@pytest.mark.parametrize("reply", [Reply(500, body=PATH.encode()), Reply(404), Reply(delay_s=30.0), None])
def test_address_and_key_are_never_shown(
    reply: Reply | None,
    server: FakeServer,
    sink: WebhookSink,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    if reply is None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            monkeypatch.setenv("HOOK_URL", f"http://127.0.0.1:{free.getsockname()[1]}{PATH}")
    else:
        server.otherwise = reply
    with pytest.raises(DeliveryError) as caught:
        sink.send(ALERT)
    assert caught.value.__context__ is None
    inside = caught.value.with_traceback(caught.tb.tb_next)  # without the frame of this test
    frames = traceback.TracebackException.from_exception(inside, capture_locals=True)
    shown = [repr(sink), str(sink), *frames.format(), caplog.text]
    assert not [text for text in shown if "canary" in text]
