"""The sink through the real library against a service on this machine, and what must never be shown."""

from __future__ import annotations

import logging
import socket
import threading
import traceback
from collections.abc import Iterator

import pytest

from quantsail_apprise.sink import AppriseSink
from quantsail_framework import Alert, Secret
from quantsail_framework.errors import DeliveryError, InputError
from quantsail_framework.testing import FakeServer, Reply
from quantsail_framework.testing.server import Asked

# Apprise imports a module that Python 3.13 takes out; on 3.11 and 3.12 that module warns.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

ALERT = Alert("error", "error", "net -5.00 USDT & <b>", 0)


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with FakeServer() as server:
        yield server


@pytest.fixture
def sink(server: FakeServer, monkeypatch: pytest.MonkeyPatch) -> AppriseSink:
    address = server.url.replace("http://", "json://user:canary-pass@")
    monkeypatch.setenv("SERVICE", f"{address}/canary-path?+X=canary-head")
    return AppriseSink(url=Secret(env="SERVICE"))


def test_an_alert_arrives_with_title_text_and_type(server: FakeServer, sink: AppriseSink) -> None:
    sink.open()
    sink.send(ALERT)
    (asked,) = server.requests
    assert asked.path.startswith("/canary-path")
    assert (asked.json["title"], asked.json["message"], asked.json["type"]) == ("Error", ALERT.text, "failure")


@pytest.mark.parametrize(
    "level, type_", [("info", "info"), ("success", "success"), ("warning", "warning"), ("error", "failure")]
)
def test_levels_have_the_librarys_names(server: FakeServer, sink: AppriseSink, level: str, type_: str) -> None:
    sink.send(Alert("x", level, "text", 0))  # type: ignore[arg-type]
    assert server.requests[0].json["type"] == type_


def test_an_alert_without_text_arrives(server: FakeServer, sink: AppriseSink) -> None:
    sink.send(Alert("run_finished", "info", "", 0))
    assert server.requests[0].json["title"] == "Run finished"


def test_a_refusal_is_told_in_the_librarys_words(server: FakeServer, sink: AppriseSink) -> None:
    server.otherwise = Reply(500)
    with pytest.raises(DeliveryError, match=r"error=500") as caught:
        sink.send(ALERT)
    assert not caught.value.permanent


def test_a_redirect_is_not_followed(server: FakeServer, sink: AppriseSink) -> None:
    with FakeServer() as elsewhere:
        server.otherwise = Reply(307, {"Location": elsewhere.url})
        with pytest.raises(DeliveryError):
            sink.send(ALERT)
        assert elsewhere.requests == []


@pytest.mark.parametrize(
    "url", ["canary", "canary://canary-4711", "tgram://canary-4711", "json://", "slack://canary-4711"]
)
def test_a_url_that_the_library_does_not_know_is_not_repeated(
    url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("SERVICE", url)
    with pytest.raises(InputError) as caught:
        AppriseSink(url=Secret(env="SERVICE")).open()
    assert str(caught.value) == "the secret is no URL of a service that Apprise knows, or misses a part"
    printed = capfd.readouterr()
    assert "canary" not in caplog.text + printed.out + printed.err


@pytest.mark.parametrize("reply", [Reply(500, body=b"canary-path"), Reply(401), None])
def test_no_part_of_the_url_is_shown(
    reply: Reply | None,
    server: FakeServer,
    sink: AppriseSink,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Not even at the level DEBUG, at which the library's HTTP client writes addresses."""
    caplog.set_level(logging.DEBUG)
    if reply is None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            monkeypatch.setenv("SERVICE", f"json://user:canary-pass@127.0.0.1:{free.getsockname()[1]}/canary-path")
    else:
        server.otherwise = reply
    sink.open()
    with pytest.raises(DeliveryError) as caught:
        sink.send(ALERT)
    inside = caught.value.with_traceback(caught.tb.tb_next)  # without the frame of this test
    frames = traceback.TracebackException.from_exception(inside, capture_locals=True)
    printed = capfd.readouterr()
    shown = [repr(sink), *frames.format(), caplog.text, printed.out, printed.err]
    assert not [text for text in shown if "canary" in text]


def test_two_sinks_at_a_time_show_nothing_and_leave_the_logger_as_it_was(
    server: FakeServer, sink: AppriseSink, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The first to come is the first to go, so that the second goes on alone: the library warns with its address."""
    caplog.set_level(logging.DEBUG)
    first_waits, second_waits, go_on = (threading.Event() for _ in range(3))

    def first(_asked: Asked) -> Reply:
        first_waits.set()
        assert second_waits.wait(10.0)
        return Reply(500)

    def second(_asked: Asked) -> Reply:
        second_waits.set()
        assert go_on.wait(10.0)
        return Reply(500)

    def send() -> None:
        with pytest.raises(DeliveryError):
            sink.send(ALERT)

    sink.open()
    server.answers = [first, second]
    one, two = (threading.Thread(target=send) for _ in range(2))
    one.start()
    assert first_waits.wait(10.0)
    two.start()
    one.join()
    library = logging.getLogger("apprise")
    assert not library.propagate
    library.warning("canary-path")
    go_on.set()
    two.join()
    assert library.propagate
    assert "canary" not in caplog.text
