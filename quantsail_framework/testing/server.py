"""A web server on this machine that answers as told and keeps what it was asked, to test alert sinks against.

::

    with FakeServer() as server:
        server.answers = [Reply(429, {"Retry-After": "1"}), Reply(200)]
        ...                                # the sink, with server.url as its address
        assert server.requests[0].json["text"] == "..."
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

import attrs


@attrs.frozen
class Reply:
    """One answer: ``body`` is sent as it is when it is bytes, else as JSON. It comes after ``delay_s``."""

    status: int = 200
    headers: Mapping[str, str] = attrs.field(factory=dict)
    body: Any = b""
    delay_s: float = 0.0


@attrs.frozen
class Asked:
    """One request as it arrived; header names in lower case."""

    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, which must be JSON."""
        return json.loads(self.body)


class FakeServer:
    """Listens on 127.0.0.1 while it is open.

    ``answers`` are given in turn, then ``otherwise``; each is a Reply, or a function of the request that makes one.
    """

    def __init__(self, otherwise: Reply | Callable[[Asked], Reply] = Reply()) -> None:
        self.answers: list[Reply | Callable[[Asked], Reply]] = []
        self.otherwise = otherwise
        self.requests: list[Asked] = []
        self._released = threading.Event()
        self._lock = threading.Lock()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True)

    @property
    def url(self) -> str:
        """Its address, without a slash at the end."""
        return f"http://127.0.0.1:{self._http.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._released.set()  # no request waits any longer
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    def _answer(self, asked: Asked) -> Reply:
        with self._lock:
            self.requests.append(asked)
            answer = self.answers.pop(0) if self.answers else self.otherwise
        reply = answer if isinstance(answer, Reply) else answer(asked)
        self._released.wait(reply.delay_s)
        return reply

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                headers = {name.lower(): value for name, value in self.headers.items()}
                reply = server._answer(Asked(self.path, headers, body))
                sent = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
                try:
                    self.send_response(reply.status)
                    for name, value in {**reply.headers, "Content-Length": str(len(sent))}.items():
                        self.send_header(name, value)
                    self.end_headers()
                    self.wfile.write(sent)
                except OSError:
                    return  # whoever asked has hung up

            def do_GET(self) -> None:
                self.do_POST()

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - as the base class calls it
                """Say nothing."""

        return Handler
