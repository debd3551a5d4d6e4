"""The dashboard, the rules and the page say what the contract says, and nothing else."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from typing import Any

import attrs
import pytest
from click.testing import CliRunner

from quantsail_framework import load_pipeline, run
from quantsail_framework.ports.runner import Pipeline
from quantsail_prometheus.command import prometheus, shipped
from quantsail_prometheus.contract import COMMON_LABELS, METRICS

PAGE = Path(__file__).parents[3] / "docs" / "components" / "observers.md"
_ROW = re.compile(r"^\| `(quantsail_\w+)` \| (\w+) \|(.*?)\| (.+) \|$", re.MULTILINE)
_PIPELINE = re.compile(r"^```toml\n(\[pipeline\].*?)^```", re.MULTILINE | re.DOTALL)


def promised() -> dict[str, tuple[str, tuple[str, ...], str]]:
    """The table of the page: name to type, labels and meaning."""
    rows = _ROW.findall(PAGE.read_text(encoding="utf-8"))
    return {name: (kind, tuple(re.findall(r"`(\w+)`", labels)), text) for name, kind, labels, text in rows}


def metrics_in(text: str) -> set[str]:
    """The metrics that an expression or a file names, without the suffixes of a histogram."""
    return {re.sub(r"_seconds_(bucket|sum|count)$", "_seconds", name) for name in re.findall(r"quantsail_\w+", text)}


def test_d133_the_page_promises_what_the_endpoint_exports(watched: Pipeline, run_watched: Callable[..., Any]) -> None:
    """Names, types, labels and texts of a scrape, in the order of the table."""
    result, seen = run_watched(watched)
    assert len(result.trades["symbol"]) > 0
    exported = {}
    for line in seen.text.splitlines():
        if line.startswith("# HELP "):
            name, text = line.removeprefix("# HELP ").split(" ", 1)
            exported[name] = [text]
        elif line.startswith("# TYPE "):
            name, kind = line.removeprefix("# TYPE ").split(" ", 1)
            exported[name].append(kind)
    table = promised()
    assert list(exported) == list(table)
    assert {name: (kind, text) for name, (text, kind) in exported.items()} == {
        name: (kind, text) for name, (kind, _, text) in table.items()
    }
    for name, labels in seen.values:
        family = next(iter(metrics_in(name)))
        assert {label for label, _ in labels} - {"le"} == {*COMMON_LABELS, *table[family][1]}, name


def test_the_page_tells_every_label_of_a_metric_without_series_too() -> None:
    assert promised() == {metric.name: (metric.kind, metric.labels, metric.help) for metric in METRICS}


def test_the_page_names_every_alert() -> None:
    alerts = re.findall(r"alert: (\w+)", shipped("rules.yml"))
    text = PAGE.read_text(encoding="utf-8")
    assert re.findall(r"^\| `(Quantsail\w+)`", text, re.MULTILINE) == alerts


@pytest.mark.parametrize("text", _PIPELINE.findall(PAGE.read_text(encoding="utf-8")), ids=["endpoint", "textfile"])
def test_a_pipeline_of_the_page_runs(
    text: str, tmp_path: Path, free_port: int, at_the_end: Any, get: Callable[[int], Any]
) -> None:
    (tmp_path / "p.toml").write_text(text.replace("port = 9720", f"port = {free_port}"), encoding="utf-8")
    pipeline = load_pipeline(tmp_path / "p.toml")
    scrapes: list[Any] = []
    if "9720" in text:
        look = at_the_end(lambda: scrapes.append(get(free_port)))
        pipeline = attrs.evolve(pipeline, observers=(*pipeline.observers, look))
    result = run(pipeline)
    told = scrapes[0].text if scrapes else (tmp_path / "nightly.prom").read_text(encoding="utf-8")
    trades = re.findall(rf'^quantsail_trades_total{{.*pipeline="{pipeline.name}".*}} (.+)$', told, re.MULTILINE)
    assert sum(map(float, trades)) == len(result.trades["symbol"]) > 0


def test_rules_and_dashboard_name_only_metrics_of_the_contract() -> None:
    known = {metric.name for metric in METRICS}
    panels = json.loads(shipped("dashboard.json"))["panels"]
    on_panels = set().union(*(metrics_in(target["expr"]) for panel in panels for target in panel["targets"]))
    in_rules = metrics_in(shipped("rules.yml"))
    assert in_rules <= known
    # All of the contract can be seen; what is running is chosen above the panels.
    assert on_panels == known - {"quantsail_run_info"}


def test_the_dashboard_shows_one_run_and_every_panel_has_its_place() -> None:
    board = json.loads(shipped("dashboard.json"))
    panels = board["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    for panel in panels:
        for target in panel["targets"]:
            selectors = re.findall(r"quantsail_\w+(\{.*?\})?", target["expr"])
            assert set(selectors) == {'{pipeline="$pipeline", runner="$runner"}'}, target["expr"]
            assert target["datasource"]["uid"] == "${datasource}"
    variables = {variable["name"]: variable for variable in board["templating"]["list"]}
    used = set(re.findall(r"\$\{?(\w+)", json.dumps(panels))) - {"__rate_interval", "__range"}
    assert used <= set(variables)
    for one, other in combinations([panel["gridPos"] for panel in panels], 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        above = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert beside or above
        assert one["x"] + one["w"] <= 24


@pytest.mark.parametrize("name, file", [("dashboard", "dashboard.json"), ("rules", "rules.yml")])
def test_the_command_prints_the_file(name: str, file: str) -> None:
    printed = CliRunner().invoke(prometheus, [name])
    assert printed.exit_code == 0
    assert printed.stdout == shipped(file)
    assert printed.stdout.endswith("\n")
