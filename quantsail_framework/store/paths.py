"""Names of venues and symbols as names of folders, and back: injective, and never out of the root."""

from __future__ import annotations

import re
from urllib.parse import unquote

from quantsail_framework.errors import DataError

_SAFE = re.compile(rb"[A-Za-z0-9-]")
_RESERVED = re.compile(r"(?i)con|prn|aux|nul|(com|lpt)[0-9]")  # names that Windows keeps for devices
_MOST_BYTES = 200


def encoded(name: str, what: str = "symbol") -> str:
    """``name`` with all but letters, digits and hyphens percent-encoded: ``BTC/USDT`` is ``BTC%2FUSDT``.

    Raises DataError, which calls it a ``what``, for a name that is empty, too long, or a device's on Windows.
    """
    try:
        octets = name.encode()
    except UnicodeEncodeError:
        raise DataError(f"{what} {name!r} is no text that can be a file's name") from None
    text = "".join(chr(octet) if _SAFE.match(bytes([octet])) else f"%{octet:02X}" for octet in octets)
    if not text or len(text) > _MOST_BYTES or _RESERVED.fullmatch(text):
        short = name if len(name) <= 40 else f"{name[:40]}..."
        why = "is empty" if not text else "is too long" if len(text) > _MOST_BYTES else "is a device's name on Windows"
        raise DataError(f"{what} {short!r} {why}; a {what} is stored under its name")
    return text


def decoded(folder: str) -> str | None:
    """What is stored in ``folder``; None for one that no name is stored in."""
    try:
        name = unquote(folder, errors="strict")
        return name if encoded(name) == folder else None
    except (UnicodeDecodeError, DataError):
        return None
