"""The text of a message: escaped, within the limit, in UTF-8."""

from __future__ import annotations

from html import unescape
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import quantsail_telegram
from quantsail_framework import Alert
from quantsail_telegram.text import EMOJI, LONGEST, cut, messages, units


def alert(text: str, level: Any = "error", **more: Any) -> Alert:
    return Alert("error", level, text, 0, **more)


def test_d120_what_looks_like_markup_is_escaped() -> None:
    marked_up, plain = messages(alert("<class 'float'> & 1<2"))
    assert marked_up == "🚨 <b>Error</b>\n&lt;class 'float'&gt; &amp; 1&lt;2"
    assert plain == "🚨 Error\n<class 'float'> & 1<2"


def test_d120_a_title_is_escaped_too() -> None:
    assert messages(alert("", title="a<b>"))[0] == "🚨 <b>a&lt;b&gt;</b>\n"


def test_d123_a_long_text_is_cut_and_says_so() -> None:
    """The seed sent 5,018 characters, which Telegram refuses."""
    marked_up, plain = messages(alert("x" * 5_018))
    assert units(plain) == LONGEST
    assert plain.endswith("xx […] (5,018 characters)")
    assert marked_up.endswith("xx […] (5,018 characters)")


def test_d123_tags_and_escapes_do_not_count() -> None:
    """4,096 less the headline "🚨 Error" of 2 + 1 + 5 units and its line end leaves 4,087."""
    marked_up, plain = messages(alert("&" * 4_087))
    assert plain.count("&") == 4_087
    assert marked_up.count("&amp;") == 4_087
    assert messages(alert("&" * 4_088))[1].endswith("(4,088 characters)")


def test_a_character_of_two_units_is_not_cut_in_half() -> None:
    for longest in range(40, 60):
        text = cut("🚨" * 100, longest)
        assert units(text) in (longest, longest - 1)
        assert set(text) <= set("🚨 […] (100 characters)")


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=6_000), st.sampled_from(sorted(EMOJI)))
def test_a_message_is_never_too_long_and_never_empty(text: str, level: str) -> None:
    marked_up, plain = messages(alert(text, level))
    assert 0 < units(plain) <= LONGEST
    # What a reader of the HTML sees is the plain text: an entity in it, such as &amp;, stays as it was typed.
    assert unescape(marked_up.replace("<b>", "", 1).replace("</b>", "", 1)) == plain


def test_d125_emoji_are_what_people_see() -> None:
    """The seed sent 'â„¹ï¸' for an information sign."""
    assert {level: [f"U+{ord(c):04X}" for c in emoji] for level, emoji in EMOJI.items()} == {
        "info": ["U+2139", "U+FE0F"],
        "success": ["U+2705"],
        "warning": ["U+26A0", "U+FE0F"],
        "error": ["U+1F6A8"],
    }


@pytest.mark.parametrize("path", sorted(Path(quantsail_telegram.__file__).parent.glob("*.py")), ids=lambda p: p.name)
def test_d125_sources_are_utf8_that_was_decoded_once(path: Path) -> None:
    """Text that was read as Windows-1252 and saved again holds such letters."""
    text = path.read_text(encoding="utf-8")
    assert not [letters for letters in ("â€", "â„", "âš", "âœ", "ðŸ", "ğŸ", "ï¸", "Ã") if letters in text]
