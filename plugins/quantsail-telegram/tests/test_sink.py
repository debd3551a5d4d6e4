"""The sink against a server on this machine that speaks the dialect of the Bot API: same paths, JSON and refusals."""

from __future__ import annotations

import base64
import logging
import socket
import traceback
import urllib.parse
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from typing import Any

import pytest

from quantsail_framework import Alert, Secret
from quantsail_framework.errors import DeliveryError, InputError
from quantsail_framework.testing import FakeServer, Reply
from quantsail_framework.testing.server import Asked
from quantsail_telegram.sink import TelegramSink

TOKEN = "110201543:AAHcanary-DmRg_5Qz"
CHAT = 42
TAGS = {"b", "strong", "i", "em", "u", "ins", "s", "strike", "del", "a", "code", "pre", "blockquote", "tg-spoiler"}


def error(code: int, description: str, **parameters: Any) -> Reply:
    body = {"ok": False, "error_code": code, "description": description}
    return Reply(code, body={**body, "parameters": parameters} if parameters else body)


def flooded(wait_s: float) -> Reply:
    return error(429, f"Too Many Requests: retry after {wait_s}", retry_after=wait_s)


class _BadMarkupError(Exception):
    pass


class _Parser(HTMLParser):
    """The visible text; refuses tags that the Bot API does not know and those that are left open."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.visible = ""
        self.open: list[str] = []
        self.feed(text)
        self.close()
        if self.open:
            raise _BadMarkupError(f'Can\'t find end tag corresponding to start tag "{self.open[-1]}"')

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        if tag not in TAGS:
            raise _BadMarkupError(f'Unsupported start tag "{tag}" at byte offset 0')
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            raise _BadMarkupError("Unexpected end tag at byte offset 0")

    def handle_data(self, data: str) -> None:
        self.visible += data


def visible(message: dict[str, Any]) -> str:
    return _Parser(message["text"]).visible if message.get("parse_mode") == "HTML" else message["text"]


def bot_api(asked: Asked) -> Reply:
    """What the server answers to a request."""
    if asked.path != f"/bot{TOKEN}/sendMessage":
        return error(401, "Unauthorized")
    message = asked.json
    if message["chat_id"] != CHAT:
        return error(400, "Bad Request: chat not found")
    try:
        text = visible(message)
    except _BadMarkupError as problem:
        return error(400, f"Bad Request: can't parse entities: {problem}")
    if not text.strip():
        return error(400, "Bad Request: message text is empty")
    # The real one counts code points. UTF-16 units are never fewer: who keeps this limit keeps that one.
    if len(text.encode("utf-16-le")) // 2 > 4096:
        return error(400, "Bad Request: message is too long")
    chat = {"id": CHAT, "first_name": "T", "type": "private"}
    sender = {"id": 110201543, "is_bot": True, "first_name": "B", "username": "b_bot"}
    result = {"message_id": 1, "from": sender, "chat": chat, "date": 1700000000, "text": text}
    return Reply(200, body={"ok": True, "result": result})


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with FakeServer(bot_api) as server:
        yield server


Make = Callable[..., TelegramSink]


@pytest.fixture
def make(server: FakeServer, monkeypatch: pytest.MonkeyPatch) -> Make:
    """Makes a sink that talks to the server."""
    monkeypatch.setenv("TELEGRAM_TOKEN", TOKEN)

    def sink(**options: Any) -> TelegramSink:
        return TelegramSink(
            **({"token": Secret(env="TELEGRAM_TOKEN"), "chat_id": CHAT, "base_url": server.url} | options)
        )

    return sink


FORMS = {
    TOKEN,
    TOKEN.partition(":")[2],
    urllib.parse.quote(TOKEN, safe=""),
    base64.b64encode(TOKEN.encode()).decode(),
}


def alert(text: str = "net -5.00 USDT", level: Any = "error", **more: Any) -> Alert:
    return Alert("error", level, text, 0, **more)


def refused(sink: TelegramSink, one: Alert | None = None) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        sink.send(one or alert())
    return caught.value


def test_a_message_arrives_as_html_without_a_preview(server: FakeServer, make: Make) -> None:
    make().send(alert("a < b"))
    (asked,) = server.requests
    assert asked.path == f"/bot{TOKEN}/sendMessage"
    assert asked.json == {
        "chat_id": CHAT,
        "text": "🚨 <b>Error</b>\na &lt; b",
        "parse_mode": "HTML",
        "disable_notification": False,
        "link_preview_options": {"is_disabled": True},
    }


def test_d126_less_urgent_alerts_arrive_without_a_sound(server: FakeServer, make: Make) -> None:
    for level in ("info", "success", "warning", "error"):
        make().send(alert(level=level))
    assert [asked.json["disable_notification"] for asked in server.requests] == [True, True, False, False]
    server.requests.clear()
    for level in ("info", "success", "warning", "error"):
        make(silent_below="info").send(alert(level=level))
    assert not any(asked.json["disable_notification"] for asked in server.requests)


@pytest.mark.parametrize(
    "text", ["<class 'float'> & 1<2", "</b>", "&lt;", "&", "🚨" * 3_000, "<" * 5_000, "x" * 5_018, ""]
)
def test_d120_d123_whatever_the_text_the_server_takes_it_as_html(server: FakeServer, make: Make, text: str) -> None:
    make().send(alert(text))
    (asked,) = server.requests
    head, _, seen = visible(asked.json).partition("\n")
    assert head == "🚨 Error"
    assert seen == text or (seen.endswith(" characters)") and seen[:100] == text[:100])


def test_d120_when_the_markup_is_refused_the_text_is_sent_plain(server: FakeServer, make: Make) -> None:
    server.answers = [error(400, 'Bad Request: can\'t parse entities: Unsupported start tag "x" at byte offset 3')]
    make().send(alert("a < b"))
    first, second = (asked.json for asked in server.requests)
    assert first["parse_mode"] == "HTML"
    assert "parse_mode" not in second
    assert second["text"] == "🚨 Error\na < b"


def test_d122_a_flooded_bot_says_when_it_may_send_again(server: FakeServer, make: Make) -> None:
    server.answers = [flooded(35)]
    problem = refused(make())
    assert str(problem) == "HTTP 429: Too Many Requests: retry after 35"
    assert (problem.retry_after_s, problem.permanent) == (35.0, False)


def test_a_flood_that_is_met_by_the_plain_text_is_told_too(server: FakeServer, make: Make) -> None:
    server.answers = [error(400, "Bad Request: can't parse entities"), flooded(3)]
    assert refused(make()).retry_after_s == 3.0


def test_errors_of_the_server_are_tried_again(server: FakeServer, make: Make) -> None:
    for reply in (error(500, "Internal Server Error"), Reply(502, body=b"<html>Bad Gateway</html>")):
        server.answers = [reply]
        assert not refused(make()).permanent
    server.answers = [Reply(delay_s=30.0)]
    assert str(refused(make(timeout_s=0.1))) == "no answer within 0.1 s"


def test_what_the_user_must_mend_is_not_tried_again(
    server: FakeServer, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    problem = refused(make(chat_id=7))
    assert (str(problem), problem.permanent) == ("HTTP 400: Bad Request: chat not found", True)
    server.answers = [error(403, "Forbidden: bot was blocked by the user")]
    problem = refused(make())
    assert (str(problem), problem.permanent) == ("HTTP 403: Forbidden: bot was blocked by the user", True)
    monkeypatch.setenv("TELEGRAM_TOKEN", "1:wrong")
    problem = refused(make())
    assert (str(problem), problem.permanent) == ("HTTP 401: Unauthorized", True)


def test_a_redirect_is_not_followed(server: FakeServer, make: Make) -> None:
    with FakeServer() as elsewhere:
        server.answers = [Reply(302, {"Location": elsewhere.url})]
        assert str(refused(make())) == "HTTP 302: redirects, which are not followed"
        assert elsewhere.requests == []


@pytest.mark.parametrize("body", [b"<html>Sign in to the hotel's network</html>", b"[1]", b"{}", b'{"ok": 1}', b""])
def test_a_page_that_is_not_the_bot_api_delivers_nothing(server: FakeServer, make: Make, body: bytes) -> None:
    server.answers = [Reply(200, body=body)]
    problem = refused(make())
    assert (str(problem), problem.permanent) == ("HTTP 200, but not an answer of the Bot API", False)


@pytest.mark.parametrize(
    "told", [{"retry_after": "soon"}, {"retry_after": None}, [], "x", {"retry_after": float("inf")}]
)
def test_a_wait_that_is_no_number_is_left_out(server: FakeServer, make: Make, told: Any) -> None:
    server.answers = [Reply(429, body={"ok": False, "description": "slow", "parameters": told})]
    assert refused(make()).retry_after_s is None


def test_open_wants_a_token(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    make().open()
    monkeypatch.setenv("TELEGRAM_TOKEN", "canary of another kind\n")
    with pytest.raises(InputError) as caught:
        make().open()
    assert str(caught.value) == "the secret is no token of a Telegram bot, which looks like 123456:ABC-def_1"
    monkeypatch.delenv("TELEGRAM_TOKEN")
    with pytest.raises(InputError, match="environment variable TELEGRAM_TOKEN is not set"):
        make().open()


@pytest.mark.parametrize("chat", [0, "", "name", "@", "12a", "@a b"])
def test_a_chat_is_a_number_or_a_name(chat: int | str) -> None:
    with pytest.raises(ValueError, match="must be the number of a chat"):
        TelegramSink(token=Secret(env="T"), chat_id=chat)


@pytest.mark.parametrize("chat", [42, -1001234567890, "@channel", "-100123"])
def test_groups_and_channels_are_chats(chat: int | str) -> None:
    assert TelegramSink(token=Secret(env="T"), chat_id=chat).chat_id == chat


def test_a_token_is_not_sent_in_the_clear_to_another_machine() -> None:
    with pytest.raises(InputError, match="begins with http://"):
        TelegramSink(token=Secret(env="T"), chat_id=1, base_url="http://api.example.org")


def _echo(asked: Asked) -> Reply:
    return Reply(400, body={"ok": False, "error_code": 400, "description": f"what is {asked.path}?"})


TROUBLES: dict[str, Any] = {
    "bad token": error(401, "Unauthorized"),
    "bad markup and chat": error(400, "Bad Request: chat not found"),
    "flood": flooded(30),
    "server error": error(500, "Internal Server Error"),
    "slow": Reply(delay_s=30.0),
    "redirect": Reply(302, {"Location": "http://127.0.0.1:1/"}),
    "not json": Reply(200, body=b"\xff"),
    "repeats the address": _echo,
    "refused": None,
}


@pytest.mark.parametrize("trouble", TROUBLES)
def test_d119_the_token_is_never_shown(
    trouble: str,
    server: FakeServer,
    make: Make,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Not in an error, its chain or the variables of its frames, not in a log at any level, not in a repr."""
    caplog.set_level(logging.DEBUG)
    sink = make(timeout_s=0.1)
    if TROUBLES[trouble] is None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            sink = make(base_url=f"http://127.0.0.1:{free.getsockname()[1]}")
    else:
        server.otherwise = TROUBLES[trouble]
    sink.open()
    with pytest.raises(DeliveryError) as caught:
        sink.send(alert())
    problem = caught.value
    assert problem.__cause__ is None
    assert problem.__context__ is None
    frames = traceback.TracebackException.from_exception(problem, capture_locals=True)
    printed = capfd.readouterr()
    shown = [repr(sink), str(sink), repr(problem), *frames.format(), caplog.text, printed.out, printed.err]
    assert not [(form, text) for form in FORMS for text in shown if form in text]
