"""The other process that components are asked in: what is hostile there, and what it bears."""

from __future__ import annotations

import datetime as dt
import locale
import os
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from quantsail_framework.testing.stranger import StrangerError, ask


def surroundings() -> dict[str, Any]:
    made = dt.datetime.fromisoformat("2024-02-29T12:00:00+00:00")
    return {
        "zone": time.tzname[0],
        "encoding": locale.getpreferredencoding(False).upper(),
        "hash": hash("BTC/USDT"),
        "clocks": [time.time(), time.time_ns() / 1e9, dt.datetime.now(dt.UTC).timestamp()],
        "today": (dt.date.today() - dt.date(1970, 1, 1)).days,  # noqa: DTZ011
        "made": made.isoformat(),
        "kinds": isinstance(made, dt.datetime) and isinstance(made, dt.date) and not isinstance(1, dt.date),
        "variable": os.environ.get("QUANTSAIL_TRIED"),
    }


def say(text: str) -> str:
    print(text)
    sys.stderr.write(text)
    return text


def leave(code: int) -> None:
    os._exit(code)


def refuse() -> None:
    raise ValueError("it is refused")


def test_zone_encoding_hash_and_clocks_are_others() -> None:
    here, there = surroundings(), ask(surroundings)
    assert there["zone"] == "LATE" != here["zone"]
    assert there["encoding"] in ("ANSI_X3.4-1968", "US-ASCII", "646")
    assert there["hash"] != here["hash"]
    for clock, later in zip(here["clocks"], there["clocks"], strict=True):
        assert later - clock == pytest.approx(2_740 * 86_400 + 7 * 3_600 + 13 * 60, abs=60.0)
    assert there["today"] - here["today"] == pytest.approx(2_741, abs=1)


def test_moments_that_are_made_stay_as_they_are() -> None:
    there = ask(surroundings)
    assert (there["made"], there["kinds"]) == ("2024-02-29T12:00:00+00:00", True)


def test_the_environment_goes_along(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUANTSAIL_TRIED", "yes")
    assert ask(surroundings)["variable"] == "yes"
    monkeypatch.delenv("QUANTSAIL_TRIED")
    assert ask(surroundings)["variable"] is None


def test_it_works_where_it_is_asked_and_holds_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        assert ask(os.getcwd) == str(tmp_path / name)
        monkeypatch.chdir(tmp_path)
        (tmp_path / name).rmdir()


def test_what_is_printed_does_not_get_between_the_answers(capfd: pytest.CaptureFixture[str]) -> None:
    assert [ask(say, "one"), ask(say, "two")] == ["one", "two"]
    assert capfd.readouterr() == ("", "")


def test_an_error_is_told_and_the_next_question_answered() -> None:
    with pytest.raises(StrangerError, match="ValueError: it is refused"):
        ask(refuse)
    assert ask(say, "still here") == "still here"


def test_a_process_that_ends_is_started_again() -> None:
    with pytest.raises(StrangerError, match="it ended with code 3"):
        ask(leave, 3)
    assert ask(say, "here again") == "here again"
