"""The words of messages about pipelines: how a value is named, and which known name was probably meant."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any

_LONGEST = 200  # characters of a stranger's text that a message repeats


def describe(value: object) -> str:
    """A value as its writer sees it: ``the text "14"``, ``14.0``, ``true``, ``a list``."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f'the text "{value}"'
    if isinstance(value, dt.datetime):
        return f"the date-time {value.isoformat()}"
    if isinstance(value, dt.date):
        return f"the date {value.isoformat()}"
    if isinstance(value, list | tuple):
        return "a list"
    if isinstance(value, dict):
        return "a table"
    return str(value)


def quoted(names: Iterable[object]) -> str:
    """Choices in a row: ``"keep", "fail" or "fill"``."""
    texts = [f'"{name}"' if isinstance(name, str) else str(name) for name in names]
    return texts[0] if len(texts) == 1 else f"{', '.join(texts[:-1])} or {texts[-1]}"


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that ``name`` is probably a misspelling of."""
    by_lower = {candidate.lower(): candidate for candidate in known}
    import difflib

    found = difflib.get_close_matches(name.lower(), by_lower, n=1, cutoff=0.7)
    return by_lower[found[0]] if found else None


def did_you_mean(name: str, known: Iterable[str], otherwise: str = "") -> str:
    """``"; did you mean adx_period?"``, or ``otherwise`` when nothing known is near."""
    found = nearest(name, known)
    return f"; did you mean {found}?" if found else otherwise


def first_line(error: BaseException) -> str:
    """What an exception says, in one line; its type where it says nothing."""
    text: Any = error.args[0] if error.args else ""
    return str(text).strip().replace("\n", " ") or type(error).__name__


def brief(text: str) -> str:
    """A stranger's text in one line that a terminal can show: nothing unprintable, and no more than 200 characters.

    Mask secrets before: half of one would not be found.
    """
    line = "".join(character if character.isprintable() else "\ufffd" for character in " ".join(text.split()))
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"
