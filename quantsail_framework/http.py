"""One HTTP POST as alert sinks need it: verified TLS, no redirect, no proxy, and nothing that repeats the address.

The address of a bot or a webhook is a password. Clients put it into exceptions and logs; here what goes
wrong is a value without it, so that no traceback can carry it.
"""

from __future__ import annotations

import io
import ipaddress
import json
import ssl
import time
from collections.abc import Mapping
from functools import cache
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from socket import gaierror, socket
from typing import Any, cast
from urllib.parse import SplitResult, urlsplit

import attrs

from quantsail_framework.errors import DeliveryError, InputError

_MOST_BYTES = 65_536  # of an answer; the rest is not read
_TRY_AGAIN = (408, 425, 429)


@attrs.frozen
class Answer:
    """What came back: ``status`` is 0 when nothing did, and ``problem`` says why."""

    status: int = 0
    body: bytes = attrs.field(default=b"", repr=False)
    retry_after_s: float | None = None
    problem: str = ""

    def json(self) -> dict[str, Any]:
        """The body when it is a JSON object, else nothing."""
        try:
            value = json.loads(self.body)
        except ValueError:
            return {}
        return value if isinstance(value, dict) else {}

    def require_success(self, detail: str = "") -> None:
        """Raise DeliveryError unless it was taken (2xx). ``detail`` is what the service says about it."""
        if 200 <= self.status < 300:
            return
        if not self.status:
            raise DeliveryError(self.problem)
        what = "redirects, which are not followed" if 300 <= self.status < 400 else detail
        text = f"HTTP {self.status}{what and f': {what}'}"
        again = self.status in _TRY_AGAIN or self.status >= 500
        raise DeliveryError(text, retry_after_s=self.retry_after_s, permanent=not again)


def check_url(url: str, what: str) -> None:
    """Raise InputError, which names ``what`` and never repeats the URL, unless secrets may be sent to it."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host, parts = None, SplitResult("", "", "", "", "")
    if not host or parts.scheme not in ("http", "https"):
        raise InputError(f"{what} is no URL such as https://example.org/path")
    if "@" in parts.netloc:
        raise InputError(f"{what} holds a user name; give a URL without one")
    if any(character <= " " or character > "~" for character in url):
        raise InputError(f"{what} holds spaces or characters that a URL must escape")
    if parts.scheme == "http" and not _is_loopback(host):
        raise InputError(f"{what} begins with http://, which anybody on the way can read; use https://")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def post_json(url: str, body: bytes, timeout_s: float, headers: Mapping[str, str] | None = None) -> Answer:
    """POST ``body``, which is JSON. Raises nothing that the network does: see ``Answer.problem``.

    ``timeout_s`` bounds the whole exchange, however slowly its bytes come. Before that, connecting and the TLS
    handshake may take as long each, connecting so for every address of the host; its look-up ends as the system has it.
    """
    ends_at = time.monotonic() + timeout_s
    parts = urlsplit(url)
    connection: HTTPConnection
    if parts.scheme == "https":
        connection = HTTPSConnection(parts.hostname or "", parts.port, timeout=timeout_s, context=_tls())
    else:
        connection = HTTPConnection(parts.hostname or "", parts.port, timeout=timeout_s)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    given = {"Content-Type": "application/json", "User-Agent": "quantsail", **(headers or {})}
    try:
        connection.connect()
        incoming = _Incoming(connection.sock, ends_at)
        connection.request("POST", path, body, given)
        response = HTTPResponse(cast(socket, incoming), method="POST")
        response.begin()
        wait = response.getheader("Retry-After", "")
        return Answer(response.status, response.read(_MOST_BYTES), float(wait) if wait.isdecimal() else None)
    except (OSError, HTTPException, ValueError) as error:
        return Answer(problem=_reason(error, timeout_s))
    finally:
        connection.close()


class _Incoming(io.RawIOBase):
    """What comes from a socket until ``ends_at``: a timeout of the socket itself begins anew with every byte."""

    def __init__(self, connected: socket, ends_at: float) -> None:
        super().__init__()
        self._socket, self._ends_at = connected, ends_at
        self._hurry()

    def readable(self) -> bool:
        return True

    def makefile(self, _mode: str) -> io.BufferedReader:
        """What the client reads an answer from."""
        return io.BufferedReader(self)

    def readinto(self, buffer: Any) -> int:
        self._hurry()
        return self._socket.recv_into(buffer)

    def _hurry(self) -> None:
        """Let the next wait last as long as there is time. Raises TimeoutError when there is none."""
        left = self._ends_at - time.monotonic()
        if left <= 0.0:
            raise TimeoutError
        self._socket.settimeout(left)


@cache
def _tls() -> ssl.SSLContext:
    """Certificates and host names are verified."""
    return ssl.create_default_context()


def _reason(error: Exception, timeout_s: float) -> str:
    """Why nothing came, in words that hold nothing of the request."""
    if isinstance(error, TimeoutError):
        return f"no answer within {timeout_s:g} s"
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    if isinstance(error, gaierror):
        return "the host name is not known"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not valid: {error.verify_message}"
    return getattr(error, "strerror", None) or f"the connection failed ({type(error).__name__})"
