"""An alert as a Telegram message: a headline with an emoji, and the text, cut where Telegram would refuse it."""

from __future__ import annotations

import html
from collections.abc import Mapping

from quantsail_framework import Alert

# The Bot API takes 4,096 characters after entities parsing: tags and escapes do not count. Its server (TDLib,
# MessageContent.cpp) counts code points, the offsets of entities are UTF-16 units. Counted in units a message
# never has more than 4,096 of either.
LONGEST = 4_096
_LONGEST_TITLE = 200

EMOJI: Mapping[str, str] = {"info": "ℹ️", "success": "✅", "warning": "⚠️", "error": "🚨"}


def messages(alert: Alert) -> tuple[str, str]:
    """The alert as HTML of the Bot API, and as plain text for when the HTML is refused."""
    emoji, title = EMOJI[alert.level], cut(alert.title, _LONGEST_TITLE)
    head = f"{emoji} {title}\n"
    text = cut(alert.text, LONGEST - units(head))
    escaped = html.escape(text, quote=False)
    return f"{emoji} <b>{html.escape(title, quote=False)}</b>\n{escaped}", head + text


def units(text: str) -> int:
    """Length in UTF-16 code units: an emoji such as 🚨 is two."""
    return len(text.encode("utf-16-le")) // 2


def cut(text: str, longest: int) -> str:
    """``text`` in at most ``longest`` UTF-16 units; one that was cut says so at its end."""
    if units(text) <= longest:
        return text
    mark = f" […] ({len(text):,} characters)"
    kept = text.encode("utf-16-le")[: 2 * max(0, longest - units(mark))]
    return kept.decode("utf-16-le", "ignore") + mark
