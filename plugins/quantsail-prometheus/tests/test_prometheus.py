"""The real Prometheus: it scrapes a run, answers for every metric, and takes the rules and the dashboard."""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import urlopen

import attrs
import pytest

from quantsail_framework import run
from quantsail_framework.domain.alert import Alert
from quantsail_framework.domain.timeframe import NS_PER_SECOND
from quantsail_framework.ports.runner import Pipeline
from quantsail_prometheus.command import shipped
from quantsail_prometheus.contract import METRICS
from quantsail_prometheus.observers import PrometheusEndpoint

HERE = Path(__file__).parent
BAR_NS = 1_700_000_000 * NS_PER_SECOND
PATIENCE_S = 60.0
CONFIG = """
global: { scrape_interval: 250ms, scrape_timeout: 250ms, evaluation_interval: 250ms }
rule_files: [rules.yml]
scrape_configs: [{ job_name: quantsail, static_configs: [{ targets: ["127.0.0.1:%d"] }] }]
"""
# What Grafana puts in place of its variables.
VARIABLES = {"$pipeline": "watched", "$runner": "replay", "$__rate_interval": "1m", "$__range": "1h"}


class Server:
    """A Prometheus server of our own."""

    def __init__(self, port: int) -> None:
        self._root = f"http://127.0.0.1:{port}"

    def ready(self) -> bool:
        try:
            with urlopen(f"{self._root}/-/ready", timeout=5):
                return True
        except (URLError, OSError):
            return False

    def ask(self, path: str, **parameters: str) -> Any:
        with urlopen(f"{self._root}/api/v1/{path}?{urlencode(parameters)}", timeout=10) as answer:
            document = json.load(answer)
        assert document["status"] == "success"
        return document["data"]

    def query(self, expression: str) -> list[tuple[dict[str, str], float]]:
        """Labels and value of each series of an instant query."""
        data = self.ask("query", query=expression)
        return [(item["metric"], float(item["value"][1])) for item in data["result"]]


def wait_until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, f"not within {PATIENCE_S:g} s: {what}"
        time.sleep(0.1)


@contextmanager
def serving(program: str, folder: Path, target_port: int, port: int) -> Iterator[Server]:
    (folder / "prometheus.yml").write_text(CONFIG % target_port, encoding="utf-8")
    (folder / "rules.yml").write_text(shipped("rules.yml"), encoding="utf-8")
    command = [program, f"--config.file={folder / 'prometheus.yml'}", f"--storage.tsdb.path={folder / 'tsdb'}"]
    command += [f"--web.listen-address=127.0.0.1:{port}", "--log.level=error"]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        server = Server(port)
        wait_until(lambda: process.poll() is not None or server.ready(), "Prometheus starts")
        assert process.poll() is None, (folder / "log").read_text(encoding="utf-8")
        yield server
    finally:
        process.terminate()
        process.wait(20)


def expressions() -> list[str]:
    """Every expression of the dashboard, as Grafana would send it."""
    panels = json.loads(shipped("dashboard.json"))["panels"]
    found = [target["expr"] for panel in panels for target in panel["targets"]]
    for name, value in VARIABLES.items():
        found = [expression.replace(name, value) for expression in found]
    return found


@attrs.frozen
class Seen:
    """What a server said while the run was there to be scraped."""

    metrics: dict[str, list[tuple[dict[str, str], float]]]
    panels: dict[str, list[tuple[dict[str, str], float]]]
    rules: list[dict[str, Any]]


@pytest.fixture(scope="module")
def scraped(
    programs: tuple[str, str],
    watched: Pipeline,
    new_port: Callable[[], int],
    at_the_end: Any,
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Any, Seen]:
    """A replay, and what Prometheus knew of it before it closed."""
    endpoint, folder = PrometheusEndpoint(port=new_port()), tmp_path_factory.mktemp("prometheus")
    seen: list[Seen] = []

    def look() -> None:
        # As when the outbox of alerts has given one up.
        endpoint.alert_dropped("telegram", Alert("error", "error", "lost", BAR_NS))
        with serving(programs[0], folder, endpoint.port, new_port()) as server:
            scrapes = "count_over_time(quantsail_alerts_dropped_total[1m]) >= 3"
            wait_until(lambda: bool(server.query(scrapes)), "three scrapes")
            wait_until(lambda: all(rule["health"] != "unknown" for rule in rules_of(server)), "the rules are evaluated")
            names = [f"{metric.name}_count" if metric.kind == "histogram" else metric.name for metric in METRICS]
            metrics = {name: server.query(name) for name in names}
            panels = {expression: server.query(expression) for expression in expressions()}
            seen.append(Seen(metrics, panels, rules_of(server)))

    result = run(attrs.evolve(watched, observers=(endpoint, at_the_end(look)), reporters=()))
    return result, seen[0]


def rules_of(server: Server) -> list[dict[str, Any]]:
    rules: list[dict[str, Any]] = [rule for group in server.ask("rules")["groups"] for rule in group["rules"]]
    return rules


def total(series: list[tuple[dict[str, str], float]]) -> float:
    return sum(value for _, value in series)


@pytest.mark.slow
def test_prometheus_scrapes_a_run_and_answers_for_every_metric(scraped: tuple[Any, Seen]) -> None:
    result, seen = scraped
    assert [name for name, series in seen.metrics.items() if not series] == []
    for series in seen.metrics.values():
        for labels, _ in series:
            assert (labels["pipeline"], labels["runner"]) == ("watched", "replay")
    net = result.trades["net_pnl"]
    assert total(seen.metrics["quantsail_trades_total"]) == len(net)
    assert total(seen.metrics["quantsail_trade_gains_total"]) == pytest.approx(net[net > 0].sum())
    assert total(seen.metrics["quantsail_trade_losses_total"]) == pytest.approx(-net[net < 0].sum())
    assert total(seen.metrics["quantsail_refusals_total"]) == len(result.refusals["rule"])
    assert total(seen.metrics["quantsail_equity"]) == result.equity["equity"][-1]
    last_close_ns = result.equity["time"][-1] + 3_600 * NS_PER_SECOND
    assert total(seen.metrics["quantsail_last_bar_close_timestamp_seconds"]) == last_close_ns / NS_PER_SECOND
    assert total(seen.metrics["quantsail_decision_latency_seconds_count"]) == len(result.equity["time"])
    assert total(seen.metrics["quantsail_alerts_dropped_total"]) == 1


@pytest.mark.slow
def test_prometheus_takes_every_rule_and_every_expression_of_the_dashboard(scraped: tuple[Any, Seen]) -> None:
    """One that it cannot parse is an error of the query; one that names what is not there gives nothing."""
    result, seen = scraped
    quiet = [expression for expression, series in seen.panels.items() if not series and "increase(" not in expression]
    assert quiet == []
    assert {(rule["name"], rule["health"], rule.get("lastError")) for rule in seen.rules} == {
        (name, "ok", None) for name in re.findall(r"alert: (\w+)", shipped("rules.yml"))
    }
    gains, losses = (
        f'quantsail_trade_{name}_total{{pipeline="watched", runner="replay"}}' for name in ("gains", "losses")
    )
    net = result.trades["net_pnl"]
    assert total(seen.panels[f"sum by (symbol) ({gains} - {losses})"]) == pytest.approx(net.sum())
    (factor,) = seen.panels[f"sum by (symbol) ({gains}) / (sum by (symbol) ({losses}) > 0)"]
    assert factor[1] == pytest.approx(result.metrics["profit_factor"])


def promtool(program: str, *arguments: str | Path, text: str | None = None) -> str:
    done = subprocess.run([program, *arguments], input=text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_promtool_finds_no_fault_with_the_rules(programs: tuple[str, str], tmp_path: Path) -> None:
    (tmp_path / "rules.yml").write_text(shipped("rules.yml"), encoding="utf-8")
    assert "SUCCESS: 7 rules found" in promtool(programs[1], "check", "rules", tmp_path / "rules.yml")


def test_every_rule_fires_and_stays_quiet_when_it_should(programs: tuple[str, str]) -> None:
    assert "SUCCESS" in promtool(programs[1], "test", "rules", HERE / "rules_test.yml")
    tests = (HERE / "rules_test.yml").read_text(encoding="utf-8")
    alerts = re.findall(r"alert: (\w+)", shipped("rules.yml"))
    assert [name for name in alerts if f"alertname: {name}\n" not in tests] == []


def test_promtool_finds_no_fault_with_names_and_help(
    programs: tuple[str, str], watched: Pipeline, run_watched: Callable[..., Any]
) -> None:
    _, seen = run_watched(watched)
    assert promtool(programs[1], "check", "metrics", text=seen.text) == ""
