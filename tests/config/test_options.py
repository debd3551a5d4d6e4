"""Options as `components show`, the docs and the schema see them, and `build` for contract suites."""

from __future__ import annotations

import datetime as dt

import pytest

from quantsail_framework.config import build, item_names, options_of
from quantsail_framework.domain.timeframe import Timeframe
from quantsail_framework.errors import PipelineError, PluginError
from tests.config.parts import Crossing, Folder, Level, Levels, Messenger, Plain, Trend


def test_options_in_words() -> None:
    rows = [(o.name, o.type_text, o.default, o.required, o.limits, o.doc) for o in options_of(Trend)]
    assert rows == [
        ("adx_period", "whole number", 14, False, ">= 2", "Period of the ADX, in bars."),
        ("stop_atr", "number", 2.0, False, "> 0", "Distance of the stop, in ATR."),
        ("allow_short", "true or false", False, False, "", "Whether it goes short."),
        ("mode", '"fast" or "slow"', "fast", False, "", "How it enters."),
    ]


def test_types_in_words() -> None:
    texts = {option.name: (option.type_text, option.default, option.limits) for option in options_of(Levels)}
    assert texts == {
        "levels": ("list of tables", [], ""),
        "names": ("list of text", [], "length >= 0"),
        "weights": ("table", {}, ""),
        "band": ("list of 2: a number, a number", [0.0, 1.0], ""),
        "cap": ("number", None, "> 0"),
        "size": ("whole number or text", "auto", ""),
        "day": ("date", None, ""),
        "moment": ("date", None, ""),
        "other": ("timeframe", "1h", ""),
        "grade": ("text", "a", 'one of "a" or "b"'),
    }
    assert [(o.type_text, o.default) for o in options_of(Folder)] == [("path", "candles"), ("list of paths", [])]
    assert [(o.type_text, o.default, o.required) for o in options_of(Messenger)] == [("secret", None, True)]


def test_a_class_without_fields_to_read() -> None:
    with pytest.raises(PluginError, match="Plain is not an attrs class"):
        options_of(Plain)


def test_build_structures_as_strictly_as_a_file() -> None:
    values = {
        "levels": [{"price": 1}, {"price": 2.5, "weight": 3}],
        "names": ["a"],
        "weights": {"x": 1},
        "band": [0, 2],
        "cap": 3,
        "size": 4,
        "day": dt.date(2023, 1, 1),
        "moment": dt.date(2023, 1, 1),
        "other": "4h",
        "grade": "b",
    }
    assert build(Levels, values) == Levels(
        levels=(Level(1.0), Level(2.5, 3)),
        names=["a"],
        weights={"x": 1.0},
        band=(0.0, 2.0),
        cap=3.0,
        size=4,
        day=dt.date(2023, 1, 1),
        moment=dt.datetime(2023, 1, 1, tzinfo=dt.UTC),
        other=Timeframe("4h"),
        grade="b",
    )
    with pytest.raises(PipelineError) as caught:
        build(Trend, {"adx_period": 1, "stop": 2}, "example of trend")
    assert caught.value.problems == (
        "example of trend: stop: unknown option; Trend has adx_period, stop_atr, allow_short, mode",
        "example of trend: adx_period: must be >= 2, got 1",
    )
    with pytest.raises(PipelineError) as caught:
        build(Crossing, {"fast": 50})
    assert caught.value.problems == ("options: fast must be below slow, but 50 >= 50",)


def test_built_values_can_be_built_again() -> None:
    built = build(Levels, {"levels": [{"price": 1}], "moment": dt.datetime(2023, 1, 1, tzinfo=dt.UTC)})
    again = {name: getattr(built, name) for name in ("levels", "moment", "other", "band", "cap")}
    assert build(Levels, again) == built


def test_repeated_names_are_told_apart() -> None:
    assert item_names(["a", "b", "a", "x.py:A", "a", "A"]) == ["a", "b", "a-2", "A", "a-3", "A-2"]
    assert item_names(["a", "a-2", "a"]) == ["a", "a-2", "a-3"]


@pytest.mark.parametrize("number", [10**400, -(10**400)])
def test_numbers_that_no_float_holds(number: int) -> None:
    with pytest.raises(PipelineError, match="stop_atr: expects a finite number, got one too large"):
        build(Trend, {"stop_atr": number})
