"""The page as a parser sees it: what is in it, that it asks for nothing, and that hostile text stays text."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import subprocess
import sys
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest

from quantsail_framework.domain.result import RunResult
from quantsail_framework.testing.examples import example_result
from quantsail_html.page import plotly_script, unwrapped

Write = Callable[[RunResult, Path], Path]

# Breaks out of a tag, an attribute, a script, a JSON string and a comment.
CANARY = """'"><img src=x onerror="window.canary=1"></script><!--<b>&amp;{% x %}"""
BACKTEST = ["overview", "candles", "equity", "months", "trades", "costs", "refusals", "setup"]


class Seen(HTMLParser):
    """Elements, their attributes, text outside of scripts and styles, and the contents of these."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.inside: list[tuple[str, dict[str, str | None], str]] = []
        self.text = ""
        self._raw = False
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._raw = tag in ("script", "style")
        if self._raw:
            self.inside.append((tag, dict(attrs), ""))

    def handle_endtag(self, tag: str) -> None:
        self._raw = False

    def handle_data(self, data: str) -> None:
        if self._raw:
            tag, given, before = self.inside[-1]
            self.inside[-1] = (tag, given, before + data)
        else:
            self.text += data

    def sections(self) -> list[str | None]:
        return [given.get("id") for tag, given in self.elements if tag == "section"]

    def policy(self) -> dict[str, str]:
        content = next(g["content"] for t, g in self.elements if g.get("http-equiv") == "Content-Security-Policy")
        return dict(part.strip().split(" ", 1) for part in (content or "").split(";"))  # type: ignore[misc]

    def data(self, name: str = "report-data") -> Any:
        return json.loads(next(text for _, given, text in self.inside if given.get("id") == name))


@pytest.fixture(scope="session")
def seen(written: Write, tmp_path_factory: pytest.TempPathFactory) -> Callable[[RunResult], Seen]:
    def read(result: RunResult) -> Seen:
        return Seen(written(result, tmp_path_factory.mktemp("report")).read_text(encoding="utf-8"))

    return read


# --- what is in it -------------------------------------------------------------------------------


def test_a_backtest_has_its_sections_in_the_order_in_which_one_asks(
    sample_run: tuple[RunResult, Path], written: Write
) -> None:
    page = Seen(written(*sample_run).read_text(encoding="utf-8"))
    assert page.sections() == BACKTEST
    assert set(page.data()["figures"]) == {
        *("equity-curve", "underwater", "trade-scatter", "trade-histogram", "excursions"),
        *("costs-waterfall", "refusals-bars"),
    }
    assert [each["symbol"] for each in page.data()["market"]] == ["EUR/USD"]


@pytest.mark.parametrize(
    ("fixture", "section", "figures"),
    [
        ("sweep_result", "sweep", {"sweep-map", "sweep-scores"}),
        ("walk_forward_result", "windows", {"windows-strip", "windows-bars", "windows-scatter", "drift-0", "drift-1"}),
        ("monte_carlo_result", "monte-carlo", {"fan", "draws-total_return", "draws-max_drawdown"}),
    ],
)
def test_another_runner_has_a_section_of_its_own_before_those_of_the_run(
    fixture: str, section: str, figures: set[str], seen: Callable[..., Seen], request: pytest.FixtureRequest
) -> None:
    page = seen(request.getfixturevalue(fixture))
    assert page.sections() == ["overview", section, *BACKTEST[1:]]
    assert figures <= set(page.data()["figures"])


def test_every_figure_has_words_numbers_and_a_variant_for_each_choice(
    sweep_result: RunResult, seen: Callable[..., Seen]
) -> None:
    page = seen(sweep_result)
    plots = {given["data-figure"]: given for _, given in page.elements if "data-figure" in given}
    assert set(plots) == set(page.data()["figures"])
    assert [name for name, given in plots.items() if given["role"] != "img" or not given["aria-label"]] == []
    pairs, shown = ("0-1", "0-2", "1-2"), ("best", "mean", "around")
    variants = {f"{pair}|{how}" for pair in pairs for how in shown}
    assert set(page.data()["figures"]["sweep-map"]) == variants
    assert {given["data-variant"] for _, given in page.elements if "data-variant" in given} >= variants


@pytest.mark.parametrize("fixture", ["sweep_result", "walk_forward_result"])
def test_d033_the_return_at_both_ends_of_ambiguous_bars_is_shown(
    fixture: str, seen: Callable[..., Seen], request: pytest.FixtureRequest
) -> None:
    result = request.getfixturevalue(fixture)
    ends = {"ambiguous_trades": 3, "total_return_stop_first": 0.1, "total_return_target_first": 0.125}
    told = seen(attrs.evolve(result, metrics={**result.metrics, **ends})).text
    assert "touched stop and target: 3. Return +10.00 % if the stop came first each time, +12.50 % if" in told
    none = seen(attrs.evolve(result, metrics={**result.metrics, **ends, "ambiguous_trades": 0})).text
    assert "touched stop and target:" not in none


def test_a_run_without_trades_says_so(seen: Callable[..., Seen]) -> None:
    page = seen(example_result(0))
    assert page.sections() == ["overview", "equity", "months", "trades", "refusals", "setup"]
    assert "No trade was made." in page.text
    assert "No entry was refused." in page.text


def test_a_result_without_candles_has_no_chart_of_them(seen: Callable[..., Seen]) -> None:
    assert "candles" not in seen(example_result(8)).sections()


def test_a_result_with_nothing_in_it_is_a_page(seen: Callable[..., Seen]) -> None:
    page = seen(RunResult("unknown", "nothing", tables={"trials": {}, "windows": {"window": np.array([])}}))
    assert page.sections() == ["overview", "setup"]


def test_the_candles_travel_to_the_last_digit_of_a_float32(sample_run: tuple[RunResult, Path], written: Write) -> None:
    page = Seen(written(*sample_run).read_text(encoding="utf-8"))
    (stored,) = page.data()["market"]
    bars = sample_run[0].market["EUR/USD"]
    columns = {name: _decoded(column) for name, column in page.data("candles-data-0").items()}
    assert ((columns["time"] + stored["start"]) * 1_000_000_000).tolist() == bars.time.tolist()
    for name in ("open", "high", "low", "close"):
        assert columns[name].tolist() == getattr(bars, name).astype(np.float32).tolist()
    entries = _decoded(stored["trades"]["entry_time"]) * 1e9
    assert sorted(entries.tolist()) == sorted(sample_run[0].trades["entry_time"].tolist())


def test_of_many_bars_an_overview_is_drawn_first(sample_run: tuple[RunResult, Path], written: Write) -> None:
    """A year of hours is drawn as candles of half a day, against a plain loop over the bars."""
    (stored,) = Seen(written(*sample_run).read_text(encoding="utf-8")).data()["market"]
    assert (stored["step"], stored["length"]) == (3_600, 43_200)
    bars = sample_run[0].market["EUR/USD"]
    halves: dict[int, list[int]] = {}
    for row, time in enumerate(bars.time.tolist()):
        halves.setdefault(time // 43_200_000_000_000, []).append(row)
    columns = {name: _decoded(column) for name, column in stored["candles"].items()}
    times = [bars.time[rows[0]] for rows in halves.values()]
    assert ((columns["time"] + stored["start"]) * 1_000_000_000).tolist() == times
    expected = {
        "open": [bars.open[rows[0]] for rows in halves.values()],
        "high": [bars.high[rows].max() for rows in halves.values()],
        "low": [bars.low[rows].min() for rows in halves.values()],
        "close": [bars.close[rows[-1]] for rows in halves.values()],
    }
    for name, values in expected.items():
        assert columns[name].tolist() == np.array(values, np.float32).tolist(), name


def test_few_bars_travel_once(sample_run: tuple[RunResult, Path], seen: Callable[..., Seen]) -> None:
    result = sample_run[0]
    page = seen(attrs.evolve(result, market={"EUR/USD": result.market["EUR/USD"].slice(0, 1_000)}))
    (stored,) = page.data()["market"]
    assert stored["length"] == stored["step"]
    assert len(_decoded(stored["candles"]["time"])) == 1_000
    assert [given for tag, given, _ in page.inside if str(given.get("id")).startswith("candles-data")] == []


def _decoded(column: dict[str, str]) -> np.ndarray[Any, Any]:
    kind = {"u4": np.dtype("<u4"), "f4": np.dtype("<f4"), "f8": np.dtype("<f8")}[column["type"]]
    values = np.frombuffer(base64.b64decode(column["data"]), kind)
    return values.astype(np.int64) if column["type"] == "u4" else values


def test_what_the_run_was_made_of_is_told(sample_run: tuple[RunResult, Path], written: Write) -> None:
    page = Seen(written(*sample_run).read_text(encoding="utf-8"))
    manifest = json.loads((sample_run[1] / "manifest.json").read_text(encoding="utf-8"))
    told = [manifest["symbols"][0]["sha256"], *manifest["plugins"], *manifest["versions"].values()]
    told += ["risk.max-daily-trades.limit", "strategy.adx_period", *manifest["notes"]]
    assert [each for each in told if each not in page.text] == []


def test_the_report_knows_neither_clock_nor_folder(sample_run: tuple[RunResult, Path], written: Write) -> None:
    text = written(*sample_run).read_text(encoding="utf-8")
    times = json.loads((sample_run[1] / "manifest.json").read_text(encoding="utf-8"))["times"]
    assert str(sample_run[1]) not in text
    assert times["started"] not in text
    assert times["finished"] not in text


def test_folders_of_the_machine_are_left_out(tmp_path: Path, written: Write) -> None:
    options = {"data": {"path": "/home/someone/candles", "more": [r"C:\Users\someone\x.csv", "kept/as/it/is"]}}
    (tmp_path / "manifest.json").write_text(json.dumps({"pipeline": options}), encoding="utf-8")
    page = Seen(written(example_result(), tmp_path).read_text(encoding="utf-8"))
    assert "someone" not in page.text
    assert "…/candles" in page.text
    assert "…/x.csv, kept/as/it/is" in page.text


# --- what it may not do --------------------------------------------------------------------------


def test_the_policy_allows_what_is_in_the_page_and_nothing_else(
    sample_run: tuple[RunResult, Path], written: Write
) -> None:
    page = Seen(written(*sample_run).read_text(encoding="utf-8"))
    policy = page.policy()
    scripts = [text for tag, given, text in page.inside if tag == "script" and "type" not in given]
    styles = [text for tag, _, text in page.inside if tag == "style"]
    assert policy["default-src"] == "'none'"
    assert policy["script-src"].split() == [_hash(text) for text in scripts]
    assert set(policy["style-src-elem"].split()) == {_hash(text) for text in styles}
    assert policy["style-src-attr"] == f"'unsafe-hashes' {_hash('')}"
    assert policy["img-src"] == "data: blob:"
    assert set(policy) == {
        *("default-src", "script-src", "style-src-elem", "style-src-attr", "img-src", "base-uri", "form-action")
    }


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def test_nothing_in_the_page_points_outside_of_it(sample_run: tuple[RunResult, Path], written: Write) -> None:
    page = Seen(written(*sample_run).read_text(encoding="utf-8"))
    assert {tag for tag, _ in page.elements}.isdisjoint({"link", "img", "iframe", "object", "base", "form"})
    targets = [given[name] for _, given in page.elements for name in ("src", "href", "action") if name in given]
    assert [target for target in targets if not (target or "").startswith("#")] == []


def hostile(result: RunResult) -> RunResult:
    """The canary in place of every word that somebody else may have chosen."""

    def words(column: Any) -> Any:
        return np.array([CANARY] * len(column), object) if column.dtype == object else column

    tables = {name: {key: words(values) for key, values in table.items()} for name, table in result.tables.items()}
    for name in [each for each in tables if each != "trades"]:
        tables[name] = {CANARY if "." in key else key: values for key, values in tables[name].items()}
    return attrs.evolve(
        result,
        name=CANARY,
        kind=CANARY,
        verdict=CANARY,
        notes=(CANARY,),
        tables=tables,
        metrics={**result.metrics, CANARY: CANARY, "by_symbol": {CANARY: {"total_trades": 1}}},
        undefined={CANARY: CANARY},
        market={CANARY: result.market["EUR/USD"]},
        facts={
            "strategy": CANARY,
            "currency": CANARY,
            "timeframe": "1h",
            "objective": CANARY,
            "parameters": [CANARY],
            "criteria": [{"name": CANARY, "value": CANARY, "limit": CANARY, "passed": None}],
            "symbols": [{"symbol": CANARY, "sha256": CANARY}],
            "pipeline": {CANARY: CANARY},
            "plugins": {CANARY: CANARY},
            "versions": {CANARY: CANARY},
            "code": {CANARY: CANARY},
        },
    )


@pytest.mark.parametrize("fixture", ["sample_run", "sweep_result", "walk_forward_result", "monte_carlo_result"])
def test_hostile_words_stay_words(fixture: str, seen: Callable[..., Seen], request: pytest.FixtureRequest) -> None:
    result = request.getfixturevalue(fixture)
    page = seen(hostile(result[0] if fixture == "sample_run" else result))
    assert {tag for tag, _ in page.elements}.isdisjoint({"img", "b"})
    assert [given for _, given in page.elements if any(name.startswith("on") for name in given)] == []
    assert page.text.count(CANARY) > 15
    assert CANARY in json.dumps(page.data()).replace('\\"', '"')
    block = next(text for _, given, text in page.inside if given.get("id") == "report-data")
    assert not re.search("[<>&]", block)


def test_labels_of_figures_hold_no_markup_for_plotly(sweep_result: RunResult, seen: Callable[..., Seen]) -> None:
    (spec,) = seen(hostile(sweep_result)).data()["figures"]["sweep-map"].values()
    assert "<" not in spec["layout"]["xaxis"]["title"]["text"]
    assert "&lt;img" in spec["layout"]["xaxis"]["title"]["text"]


def test_a_lone_surrogate_in_a_reason_does_not_stop_the_report(seen: Callable[..., Seen]) -> None:
    assert "bad ?" in seen(attrs.evolve(example_result(), notes=("bad \ud800",))).text


def test_plotly_is_parsed_once() -> None:
    """The installed script has the form that is known; one that has another is taken as it is."""
    script = plotly_script()
    assert script.startswith("/**\n* plotly.js v")
    assert '"use strict";var Plotly=' in script[:400]
    assert unwrapped(script) == script
    other = "/* plotly */ (function(root, factory) { root.Plotly = factory(); } (self, () => ({})));"
    assert unwrapped(other) == other


def test_writing_a_report_does_not_import_plotly() -> None:
    code = (
        "import sys, tempfile, pathlib\n"
        "from quantsail_framework.testing.examples import example_result\n"
        "from quantsail_html.reporter import HtmlReporter\n"
        "HtmlReporter().write(example_result(), pathlib.Path(tempfile.mkdtemp()))\n"
        "print([name for name in ('plotly', 'pandas') if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
