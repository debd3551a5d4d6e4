"""A pipeline made again from the plain values that a manifest keeps is the pipeline that was."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import pytest

from quantsail_framework import load_pipeline
from quantsail_framework.config import rebuild
from quantsail_framework.config.plain import plain
from quantsail_framework.config.revive import revived
from quantsail_framework.config.structure import structure_options
from quantsail_framework.errors import PipelineError

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.toml"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_is_made_again_from_its_resolved_values(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pipeline = load_pipeline(path)
    stored = json.loads(json.dumps(pipeline.resolved))
    monkeypatch.setenv("QUANTSAIL__PIPELINE__CAPITAL", "1")  # what lies over a file does not lie over a manifest
    again = rebuild(stored, path.parent, "manifest.json")
    assert again.resolved == pipeline.resolved
    assert list(again.resolved) == list(pipeline.resolved)
    assert attrs.asdict(again.data) == attrs.asdict(pipeline.data)
    assert (again.capital, again.seed, again.code) == (pipeline.capital, pipeline.seed, pipeline.code)
    assert again.folder == pipeline.folder
    assert again.source == pipeline.source


@attrs.frozen
class Span:
    day: dt.date
    until: dt.datetime | None = None


@attrs.frozen
class Dated:
    """Every way in which an option can hold a date, and text that looks like one."""

    day: dt.date
    moment: dt.datetime
    either: dt.date | None = None
    days: tuple[dt.date, ...] = ()
    pair: tuple[str, dt.date] = ("", dt.date(2000, 1, 1))
    named: Mapping[str, dt.date] = attrs.field(factory=dict)
    span: Span | None = None
    text: str = ""
    words: tuple[str, ...] = ()
    open: dt.date | str = ""


DATES: dict[str, Any] = {
    "day": dt.date(2024, 1, 31),
    "moment": dt.datetime(2024, 1, 31, 23, 55, tzinfo=dt.UTC),
    "either": dt.date(2024, 2, 29),
    "days": [dt.date(2024, 1, 1), dt.date(2024, 1, 2)],
    "pair": ["2024-01-01", dt.date(2024, 1, 3)],
    "named": {"a": dt.date(2024, 1, 4)},
    "span": {"day": dt.date(2024, 1, 5), "until": dt.datetime(2024, 1, 6, tzinfo=dt.UTC)},
    "text": "2024-01-31",
    "words": ["2024-01-31"],
    "open": "2024-01-31",
}


def test_dates_come_back_wherever_an_option_holds_them_and_text_stays() -> None:
    arguments, problems = structure_options(Dated, DATES)
    assert problems == []
    stored = json.loads(json.dumps({name: plain(value) for name, value in arguments.items()}))
    again, problems = structure_options(Dated, revived(Dated, stored))
    assert problems == []
    assert again == arguments
    assert again["moment"] == dt.datetime(2024, 1, 31, 23, 55, tzinfo=dt.UTC)
    assert (again["text"], again["words"], again["pair"][0]) == ("2024-01-31", ("2024-01-31",), "2024-01-01")


def test_what_is_no_date_is_refused_as_in_a_file() -> None:
    _, problems = structure_options(Dated, revived(Dated, {"day": "someday", "moment": 3, "pair": ["a"], "days": "x"}))
    assert [path for path, _ in problems] == [("day",), ("moment",), ("days",), ("pair",)]


def test_problems_name_the_manifest_and_the_value(tmp_path: Path) -> None:
    stored = json.loads(json.dumps(load_pipeline(EXAMPLES[-1]).resolved))
    stored["sizer"]["max_risk_per_trade_pct"] = -1
    stored["data"]["start"] = "2024-13-01"
    with pytest.raises(PipelineError) as caught:
        rebuild(stored, tmp_path, "runs/x/manifest.json")
    assert sorted(line.split(": ")[1] for line in caught.value.problems) == [
        "data.start",
        "sizer.max_risk_per_trade_pct",
    ]
    assert all(line.startswith("runs/x/manifest.json: ") for line in caught.value.problems)
