"""What is made when it is read: once, in its place, and never because somebody asks for names."""

from __future__ import annotations

import pytest

from quantsail_framework.domain.lazy import Lazy


def test_values_are_made_when_they_are_read_and_once() -> None:
    calls: list[str] = []

    def both() -> dict[str, int]:
        calls.append("both")
        return {"worst": 2, "best": 3}

    values = Lazy(
        ("side", "worst", "best", "word"), {"side": 1}, {"worst": both, "best": both, "word": lambda: {"word": 4}}
    )
    assert list(values) == ["side", "worst", "best", "word"]
    assert (len(values), "best" in values, "worse" in values, calls) == (4, True, False, [])
    assert values["side"] == 1
    assert calls == []
    assert (values["best"], values["worst"], values["best"]) == (3, 2, 3)
    assert calls == ["both"]
    assert dict(values) == {"side": 1, "worst": 2, "best": 3, "word": 4}


def test_an_unknown_name_is_none_of_it() -> None:
    with pytest.raises(KeyError, match="worse"):
        Lazy(("side",), {"side": 1}, {})["worse"]


def test_what_could_not_be_made_is_tried_again() -> None:
    answers = iter([ValueError("not yet"), {"word": 1}])

    def word() -> dict[str, int]:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    values = Lazy(("word",), {}, {"word": word})
    with pytest.raises(ValueError, match="not yet"):
        values["word"]
    assert values["word"] == 1
