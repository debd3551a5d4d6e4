"""One POST: what comes back is a value, and no error, log or redirect ever carries the address."""

from __future__ import annotations

import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from quantsail_framework.errors import DeliveryError, InputError
from quantsail_framework.http import Answer, check_url, post_json
from quantsail_framework.testing import FakeServer, Reply

SECRET_PATH = "/hook/canary-4711?key=canary-4712"


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with FakeServer() as server:
        yield server


def test_the_body_arrives_as_json_with_the_headers(server: FakeServer) -> None:
    server.otherwise = Reply(200, body={"ok": True})
    answer = post_json(server.url + "/a/b?c=d", b'{"x": 1}', 5.0, {"X-Mine": "yes"})
    assert (answer.status, answer.json()) == (200, {"ok": True})
    (asked,) = server.requests
    assert (asked.path, asked.json) == ("/a/b?c=d", {"x": 1})
    assert (asked.headers["content-type"], asked.headers["x-mine"]) == ("application/json", "yes")


def test_a_redirect_is_not_followed(server: FakeServer) -> None:
    server.answers = [Reply(307, {"Location": server.url + "/elsewhere"})]
    answer = post_json(server.url + SECRET_PATH, b"{}", 5.0)
    with pytest.raises(DeliveryError, match=r"^HTTP 307: redirects, which are not followed$") as caught:
        answer.require_success()
    assert caught.value.permanent
    assert len(server.requests) == 1


def test_proxies_of_the_environment_see_nothing(server: FakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    with FakeServer() as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        assert post_json(server.url, b"{}", 5.0).status == 200
        assert proxy.requests == []


@pytest.mark.parametrize(
    "reply, text, permanent, wait",
    [
        (Reply(429, {"Retry-After": "7"}), "HTTP 429: told", False, 7.0),
        (Reply(503, {"Retry-After": "soon"}), "HTTP 503: told", False, None),
        (Reply(500), "HTTP 500: told", False, None),
        (Reply(408), "HTTP 408: told", False, None),
        (Reply(400), "HTTP 400: told", True, None),
        (Reply(401), "HTTP 401: told", True, None),
        (Reply(404), "HTTP 404: told", True, None),
    ],
)
def test_a_status_says_whether_to_try_again(
    server: FakeServer, reply: Reply, text: str, permanent: bool, wait: float | None
) -> None:
    server.otherwise = reply
    with pytest.raises(DeliveryError) as caught:
        post_json(server.url, b"{}", 5.0).require_success("told")
    assert (str(caught.value), caught.value.permanent, caught.value.retry_after_s) == (text, permanent, wait)


def _refused() -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


def test_a_refused_connection_has_words() -> None:
    assert post_json(_refused() + SECRET_PATH, b"{}", 5.0) == Answer(problem="connection refused")


def test_a_server_that_is_too_slow_is_left(server: FakeServer) -> None:
    server.otherwise = Reply(delay_s=30.0)
    began = time.monotonic()
    answer = post_json(server.url + SECRET_PATH, b"{}", 0.1)
    assert answer == Answer(problem="no answer within 0.1 s")
    assert time.monotonic() - began < 5.0


@pytest.mark.parametrize(
    "begun", [b"HT", b"HTTP/1.1 200 OK\r\nX: ", b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n"]
)
def test_a_server_that_drips_its_answer_is_left_in_time(begun: bytes) -> None:
    """Each byte comes within the timeout; together they would take for ever."""
    left = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def drip() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.sendall(begun)
                try:
                    while not left.wait(0.05):
                        connection.sendall(b"x")
                except OSError:
                    return  # whoever asked has hung up

        thread = threading.Thread(target=drip)
        thread.start()
        began = time.monotonic()
        try:
            answer = post_json(f"http://127.0.0.1:{listener.getsockname()[1]}{SECRET_PATH}", b"{}", 0.3)
            spent = time.monotonic() - began
        finally:
            left.set()
            thread.join()
    assert answer == Answer(problem="no answer within 0.3 s")
    assert 0.3 <= spent < 5.0


def test_an_answer_that_ends_with_the_connection_and_comes_in_pieces_is_read() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            connection, _ = listener.accept()
            with connection:
                asked = b""
                while not asked.endswith(b"{}"):  # what is left unread would reset the connection at its end
                    asked += connection.recv(65_536)
                for piece in (b"HTTP/1.0 200 OK\r\n\r\n", b'{"ok":', b" true}"):
                    connection.sendall(piece)
                    time.sleep(0.02)

        thread = threading.Thread(target=answer)
        thread.start()
        got = post_json(f"http://127.0.0.1:{listener.getsockname()[1]}/", b"{}", 5.0)
        thread.join()
    assert (got.status, got.json()) == (200, {"ok": True})


def test_an_unknown_host_has_words() -> None:
    answer = post_json("https://no-such-host.invalid" + SECRET_PATH, b"{}", 5.0)
    assert answer.status == 0
    assert "canary" not in answer.problem
    assert answer.problem


@pytest.mark.parametrize("sent", [b"", b"not http at all\r\n\r\n"])
def test_nonsense_from_the_other_side_is_a_problem_and_no_crash(sent: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65_536)
                connection.sendall(sent)

        thread = threading.Thread(target=answer)
        thread.start()
        got = post_json(f"http://127.0.0.1:{listener.getsockname()[1]}{SECRET_PATH}", b"{}", 5.0)
        thread.join()
    assert got.status == 0
    assert got.problem
    assert "canary" not in got.problem


def test_a_certificate_that_nobody_vouches_for_is_refused(tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost"]
    try:
        subprocess.run([*command, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("openssl, which makes the certificate, is not installed")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def shake_hands() -> None:
            connection, _ = listener.accept()
            try:
                context.wrap_socket(connection, server_side=True).close()
            except OSError:
                connection.close()  # the other side has left, as it should

        thread = threading.Thread(target=shake_hands)
        thread.start()
        answer = post_json(f"https://localhost:{listener.getsockname()[1]}{SECRET_PATH}", b"{}", 5.0)
        thread.join()
    assert answer.status == 0
    assert answer.problem.startswith("its certificate is not valid: self")


@pytest.mark.parametrize(
    "url, problem",
    [
        ("", "is no URL such as https://example.org/path"),
        ("canary", "is no URL such as https://example.org/path"),
        ("ftp://canary/x", "is no URL such as https://example.org/path"),
        ("https://canary:port/", "is no URL such as https://example.org/path"),
        ("https://[canary/", "is no URL such as https://example.org/path"),
        ("https://user:canary@example.org/", "holds a user name; give a URL without one"),
        ("https://example.org/canary x", "holds spaces or characters that a URL must escape"),
        ("https://example.org/canary\n", "holds spaces or characters that a URL must escape"),
        ("https://exämple.org/canary", "holds spaces or characters that a URL must escape"),
        ("http://example.org/canary", "begins with http://, which anybody on the way can read; use https://"),
        ("http://10.0.0.7/canary", "begins with http://, which anybody on the way can read; use https://"),
    ],
)
def test_an_address_to_which_no_secret_should_go_is_refused_and_not_repeated(url: str, problem: str) -> None:
    with pytest.raises(InputError) as caught:
        check_url(url, "the address")
    assert str(caught.value) == f"the address {problem}"


@pytest.mark.parametrize(
    "url", ["https://example.org/x", "http://127.0.0.1:8081", "http://[::1]/x", "http://localhost"]
)
def test_verified_hosts_and_this_machine_are_fine(url: str) -> None:
    check_url(url, "the address")
