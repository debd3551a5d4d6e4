"""The alert sink ``apprise``: one service of the library Apprise for each sink, named by its URL."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import attrs

from quantsail_framework import Alert, Secret
from quantsail_framework.errors import DeliveryError, InputError

if TYPE_CHECKING:
    from apprise import NotifyBase

_TYPES = {"info": "info", "success": "success", "warning": "warning", "error": "failure"}
_SHORTEST_PIECE = 4  # shorter pieces of a URL, such as a port, are no secrets
_MASK = "********"


@attrs.frozen
class AppriseSink:
    """Sends alerts to one service.

    One URL for each sink, so that trying again repeats nothing elsewhere, and a slow service holds up no other.
    """

    url: Secret = attrs.field(metadata={"doc": "Apprise URL of the service, such as ntfy://topic or mailto://..."})

    def open(self) -> None:
        """Import the library, load the service. Raises InputError when Apprise does not know the URL."""
        with _silence():
            self._service()

    def send(self, alert: Alert) -> None:
        """Deliver it. Raises DeliveryError with what Apprise tells, without the parts of the URL."""
        import apprise

        with _silence():
            sender = apprise.Apprise()
            sender.add(self._service())
            result = sender.notify(
                body=alert.text or alert.title, title=alert.title, notify_type=_TYPES[alert.level], body_format="text"
            )
        if not result:
            raise DeliveryError(self._hidden(_told(result)) or "the service did not take it")

    def close(self) -> None:
        """Nothing to close."""

    def _service(self) -> NotifyBase:
        """The service that the URL names: nothing on disk, no redirects, long texts in several messages."""
        import apprise

        asset = apprise.AppriseAsset(storage_mode="memory", secure_logging=True)
        asset.http_redirects = False
        service = apprise.Apprise.instantiate(self.url.reveal(), asset=asset, suppress_exceptions=True)
        if not service:
            raise InputError("the secret is no URL of a service that Apprise knows, or misses a part")
        if service.overflow_mode == apprise.OverflowMode.UPSTREAM:
            service.overflow_mode = apprise.OverflowMode.SPLIT
        return service

    def _hidden(self, text: str) -> str:
        """``text`` without any piece of the URL: Apprise masks tokens where it knows them, here all are."""
        for piece in sorted(_pieces(self.url.reveal()), key=len, reverse=True):
            text = text.replace(piece, _MASK)
        return text


def _pieces(url: str) -> set[str]:
    """The parts of a URL that may be secret, as they stand in it and as they are meant."""
    found = {piece for form in (url, unquote(url)) for piece in re.split(r"[/:@?&=#,;\s]+", form)}
    return {piece for piece in found if len(piece) >= _SHORTEST_PIECE}


def _told(result: Any) -> str:
    """What went wrong in the library's words, in one line."""
    return "; ".join(dict.fromkeys(" ".join(entry.message.split()) for entry in result.logs()))


class _Silence:
    """What Apprise logs goes nowhere else, and the client below it does not log addresses.

    Loggers belong to the whole process and each sink has a thread: the first to come silences, the last to go restores.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._own = logging.getLogger("apprise")
        self._nowhere = logging.NullHandler()
        self._propagates = True

    @contextmanager
    def __call__(self) -> Iterator[None]:
        self._enter()
        try:
            yield
        finally:
            self._leave()

    def _enter(self) -> None:
        with self._lock:
            self._inside += 1
            if self._inside > 1:
                return
            for name in ("urllib3", "urllib3.connectionpool"):
                client = logging.getLogger(name)
                client.setLevel(max(client.getEffectiveLevel(), logging.INFO))
            self._propagates = self._own.propagate
            self._own.addHandler(self._nowhere)
            self._own.propagate = False

    def _leave(self) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                self._own.propagate = self._propagates
                self._own.removeHandler(self._nowhere)


_silence = _Silence()
