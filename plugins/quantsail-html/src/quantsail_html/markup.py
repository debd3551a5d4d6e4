"""HTML that is escaped by construction: whatever is not ``Html`` already is text, and text is escaped."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from typing import Any

VOID = frozenset({"meta"})


class Html(str):
    """Finished markup."""

    __slots__ = ()


def tag(name: str, /, *children: Any, **attributes: Any) -> Html:
    """An element. Children that are not Html are escaped, as are the values of attributes; None leaves one out.

    A trailing underscore in an attribute's name is dropped, others become hyphens: ``class_``, ``aria_label``.
    """
    given = {key.rstrip("_").replace("_", "-"): value for key, value in attributes.items() if value is not None}
    written = "".join(
        f" {key}" if value is True else f' {key}="{_escape(value)}"'
        for key, value in given.items()
        if value is not False
    )
    return Html(f"<{name}{written}>" if name in VOID else f"<{name}{written}>{join(children)}</{name}>")


def join(parts: Iterable[Any], between: str = "") -> Html:
    """The parts as one piece of markup; None is left out."""
    return Html(between.join(part if isinstance(part, Html) else _escape(part) for part in parts if part is not None))


def _escape(value: Any) -> str:
    # A lone surrogate has no UTF-8 form; a file that holds one could not be written.
    return html.escape(str(value).encode("utf-8", "replace").decode("utf-8"))


def table(header: Sequence[str], rows: Iterable[Sequence[Any]], align: str, caption: str) -> Html:
    """A table that scrolls inside its own box. ``align`` has ``l`` or ``r`` per column; a cell may be (text, class)."""
    head = tag(
        "tr", *(tag("th", name, scope="col", class_=_side(side)) for name, side in zip(header, align, strict=True))
    )
    body = [tag("tr", *map(_cell, row, align)) for row in rows]
    content = tag("table", tag("caption", caption, class_="unseen"), tag("thead", head), tag("tbody", *body))
    return tag("div", content, class_="scroll", tabindex="0", role="region", aria_label=caption)


def _cell(value: Any, side: str) -> Html:
    shown, css = value if isinstance(value, tuple) else (value, None)
    return tag("td", shown, class_=" ".join(filter(None, (_side(side), css))) or None)


def _side(side: str) -> str | None:
    return "number" if side == "r" else None


def details(summary: str, *content: Any) -> Html:
    """What is shown on demand."""
    return tag("details", tag("summary", summary), *content)


def facts(pairs: Iterable[tuple[str, Any]]) -> Html:
    """Names and values, one pair a line."""
    return tag("dl", *(tag("div", tag("dt", name), tag("dd", value)) for name, value in pairs), class_="facts")


def select(name: str, label: str, options: Iterable[tuple[str, str]]) -> Html:
    """A labelled chooser of (value, text)."""
    chosen = (tag("option", text, value=value) for value, text in options)
    return tag("label", label, " ", tag("select", *chosen, id=name))
