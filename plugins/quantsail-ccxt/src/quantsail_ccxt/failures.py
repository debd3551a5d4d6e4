"""What a failed request means: not to be tried again, to be tried again, or that every request must wait.

ccxt's classes alone mislead: a proxy's error page on a bad request is "not available" to it, a body that breaks off a
plain "exchange error". So the HTTP status is judged first. Nothing of ccxt's texts is shown: they hold whole URLs.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp
import attrs
from ccxt.base import errors as ccxt

from quantsail_framework.errors import FetchError

LONGEST_TOLD_S = 86_400.0  # no venue bans for longer on purpose; what asks for more is a mistake

_CODES = ("code", "retCode", "ret_code", "error_code", "errorCode")
_PLAIN = re.compile(r"[A-Za-z0-9_.-]{1,40}")
_LIMITED = (418, 429)
_FOR_A_WHILE = (403, 408, 409, 425)  # 403: firewalls of exchanges answer so to too many requests
_MISTAKES = (ccxt.BadRequest, ccxt.AuthenticationError, ccxt.NotSupported, ccxt.ArgumentsRequired)
_PASSING = (ccxt.OperationFailed, ccxt.BadResponse, aiohttp.ClientError, OSError)


class GaveUpError(FetchError):
    """A series could not be fetched to its end; the next call goes on."""


class BrokenAnswerError(Exception):
    """The venue said that all is well, and what it sent is no answer."""


@attrs.define
class Answer:
    """What came back for one request; ``status`` is None when nothing did."""

    status: int | None = None
    headers: Mapping[str, str] = attrs.field(factory=dict)
    body: str = ""

    @property
    def code(self) -> str:
        """The venue's error code, where it is short and plain; else empty."""
        try:
            value: Any = json.loads(self.body)
        except ValueError:
            return ""
        codes = (str(value[key]) for key in _CODES if key in value) if isinstance(value, dict) else ()
        return next((code for code in codes if _PLAIN.fullmatch(code)), "")

    def retry_after_s(self, now_ms: int) -> float | None:
        """What its Retry-After asks for, in seconds from now, a day at most; None without one that can be read."""
        text = next((value for name, value in self.headers.items() if name.lower() == "retry-after"), "")
        try:
            seconds = float(text)
        except ValueError:
            try:
                seconds = parsedate_to_datetime(text).timestamp() - now_ms / 1000
            except ValueError:
                return None
        return min(max(0.0, seconds), LONGEST_TOLD_S) if math.isfinite(seconds) else None


@attrs.frozen
class Failure:
    """A failed request. ``permanent``: the same one would fail again. ``limited``: all requests must wait."""

    text: str
    permanent: bool = False
    limited: bool = False
    retry_after_s: float | None = None


def judge(error: Exception, now_ms: int) -> Failure:
    """What ``error``, which ccxt raised, comes to."""
    answer: Answer = getattr(error, "answer", None) or Answer()
    limited = answer.status in _LIMITED or isinstance(error, ccxt.DDoSProtection | ccxt.RateLimitExceeded)
    return Failure(
        text=_words(error, answer),
        permanent=not limited and _is_permanent(error, answer.status),
        limited=limited,
        retry_after_s=answer.retry_after_s(now_ms),
    )


def _is_permanent(error: Exception, status: int | None) -> bool:
    if not isinstance(error, ccxt.BaseError):
        return False  # an answer that ccxt cannot read, or none at all
    if status is not None and status >= 500:
        return False
    if isinstance(error, _MISTAKES):
        return True
    if status is not None:
        return status >= 400 and status not in _FOR_A_WHILE
    # Nothing came back: on the way, or because ccxt did not even ask.
    return not isinstance(error, _PASSING) and not isinstance(error.__cause__, _PASSING)


def _words(error: Exception, answer: Answer) -> str:
    if isinstance(error, BrokenAnswerError):
        name = "an answer that is broken"
    elif isinstance(error, ccxt.BaseError):
        name = type(error).__name__
    else:
        name = f"an answer that cannot be read, {type(error).__name__}"
    known = [f"HTTP {answer.status}" if answer.status else "", f"code {answer.code}" if answer.code else ""]
    more = ", ".join(text for text in known if text)
    return f"{name} ({more})" if more else name
