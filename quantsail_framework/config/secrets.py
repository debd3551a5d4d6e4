"""Secret: an option that a pipeline names but never holds, so that no file, log or result can leak it."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import quote, quote_plus

import attrs

from quantsail_framework.errors import InputError

_MASK = "********"
_SHORTEST = 6  # what is shorter is found in ordinary words, and is no secret
_revealed: set[str] = set()  # what must not be shown, so that texts of strangers can be searched for it


def redacted(text: str) -> str:
    """``text`` with every secret masked that was revealed in this process, also as a URL would write it.

    Not those of fewer than six characters.
    """
    for secret in sorted(_revealed, key=len, reverse=True):
        for form in (secret, quote(secret), quote(secret, safe=""), quote_plus(secret)):
            text = text.replace(form, _MASK)
    return text


@attrs.frozen
class Secret:
    """Where a secret is kept: ``{ env = "NAME" }`` or ``{ file = "path" }``.

    Holding one, printing it or writing it to a result shows only that place; the value is read
    anew at each ``reveal()``, and from then on ``redacted`` masks it.
    """

    env: str | None = None
    file: Path | None = None

    def __attrs_post_init__(self) -> None:
        if (self.env is None) == (self.file is None):
            raise ValueError('a secret is either { env = "NAME" } or { file = "path" }')

    def reveal(self) -> str:
        """The secret itself. Raises InputError when it is not there or empty."""
        if self.env is not None:
            place, value = f"environment variable {self.env}", os.environ.get(self.env)
        else:
            place, value = f"file {self.file}", self._read()
        if not value:
            state = "is not set" if value is None else "is empty"
            raise InputError(f"{place} {state}; it must hold the secret that the pipeline asks for")
        if len(value) >= _SHORTEST:
            _revealed.add(value)
        return value

    def _read(self) -> str:
        try:
            return Path(self.file or "").read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
            raise InputError(f"file {self.file} cannot be read: {reason}; it must hold a secret") from error

    def __str__(self) -> str:
        return _MASK
