"""What the terminal shows."""

from __future__ import annotations

import io
import sys

import pytest

from quantsail_console.sink import ConsoleSink
from quantsail_framework import Alert

TIME_NS = 1_672_913_700_000_000_000  # 2023-01-05 10:15 UTC


def shown(alert: Alert, capsys: pytest.CaptureFixture[str]) -> str:
    ConsoleSink().send(alert)
    printed = capsys.readouterr()
    assert printed.out == ""  # results go there
    return printed.err


def test_an_alert_is_a_line_and_further_lines_are_indented(capsys: pytest.CaptureFixture[str]) -> None:
    alert = Alert("breaker_tripped", "warning", "rule: 21 %\nno entries", TIME_NS)
    assert shown(alert, capsys) == "2023-01-05 10:15 UTC warning Breaker tripped: rule: 21 %\n    no entries\n"


def test_an_alert_without_text_has_its_title(capsys: pytest.CaptureFixture[str]) -> None:
    assert shown(Alert("error", "error", "", TIME_NS), capsys) == "2023-01-05 10:15 UTC error   Error\n"


def test_an_error_text_cannot_move_the_cursor(capsys: pytest.CaptureFixture[str]) -> None:
    text = shown(Alert("error", "error", "a\x1b[2Jb\rc\x07", TIME_NS), capsys)
    assert "\x1b" not in text
    assert "\r" not in text
    assert text.splitlines()[0].endswith("Error: a�[2Jb")


def test_a_terminal_that_knows_few_letters_gets_what_it_can_show(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stderr", io.TextIOWrapper(raw, "ascii", errors="backslashreplace"))
    ConsoleSink().send(Alert("error", "error", "✓ −5 €", TIME_NS))
    assert rb"\u2713 \u22125 \u20ac" in raw.getvalue()
