"""A run that is scraped before it ends, over loopback, and what the scrape said."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import attrs
import pytest
from prometheus_client.parser import text_string_to_metric_families

from quantsail_framework import RunResult, load_pipeline, run
from quantsail_framework.ports.runner import Pipeline
from quantsail_prometheus.observers import PrometheusEndpoint

ROOT = Path(__file__).parents[3]
LATENCY = "quantsail_decision_latency_seconds"
COMMON = {"pipeline": "watched", "runner": "replay"}


class Scrape:
    """The samples of one answer: ``scrape(name, **labels)`` is a value, None when there is no such series.

    The common labels may be left out.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.families = list(text_string_to_metric_families(text))
        samples = [sample for family in self.families for sample in family.samples]
        self.values = {(sample.name, frozenset(sample.labels.items())): sample.value for sample in samples}
        assert len(self.values) == len(samples), "a series is exported twice"

    def __call__(self, name: str, **labels: str) -> float | None:
        return self.values.get((name, frozenset((COMMON | labels).items())))

    @property
    def repeatable(self) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
        """Every value but those measured by the clock on the wall: what two runs of one pipeline share."""
        return {key: value for key, value in self.values.items() if not key[0].startswith(LATENCY)}

    def series(self, name: str) -> dict[frozenset[tuple[str, str]], float]:
        """Every series of that name: its own labels to its value."""
        found = {labels: value for (known, labels), value in self.values.items() if known == name}
        return {frozenset(pair for pair in labels if pair[0] not in COMMON): found[labels] for labels in found}


def fetch(port: int) -> str:
    """What the endpoint answers."""
    with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        text: str = answer.read().decode()
        return text


class AtTheEnd:
    """An observer that calls ``act`` when the run has ended and everything is still open."""

    network = True  # `act` asks the endpoint for its metrics

    def __init__(self, act: Callable[[], None]) -> None:
        self._act = act

    def open(self) -> None:
        return None

    def run_finished(self, result: RunResult) -> None:
        self._act()

    def close(self) -> None:
        return None


@pytest.fixture(scope="session")
def new_port() -> Callable[[], int]:
    """Ports at which nothing listens."""

    def port() -> int:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            free: int = probe.getsockname()[1]
            return free

    return port


@pytest.fixture
def free_port(new_port: Callable[[], int]) -> int:
    return new_port()


@pytest.fixture
def endpoint(free_port: int) -> Iterator[PrometheusEndpoint]:
    """An open endpoint."""
    observer = PrometheusEndpoint(port=free_port)
    observer.open()
    yield observer
    observer.close()


@pytest.fixture
def scrape(endpoint: PrometheusEndpoint) -> Callable[[], Scrape]:
    return lambda: Scrape(fetch(endpoint.port))


@pytest.fixture(scope="session")
def watched() -> Pipeline:
    """The quickstart, under a name of its own: six thousand bars, a hundred trades, three rules that refuse."""
    overrides = {"pipeline.name": "watched", "pipeline.runner": "replay"}
    return load_pipeline(ROOT / "examples" / "quickstart.toml", overrides=overrides)


@pytest.fixture
def run_watched(free_port: int) -> Callable[..., tuple[RunResult, Scrape]]:
    """Run a pipeline, and scrape it when it has ended and before it closes."""

    def run_and_scrape(pipeline: Pipeline) -> tuple[RunResult, Scrape]:
        scrapes: list[Scrape] = []
        observers: Any = (
            PrometheusEndpoint(port=free_port),
            AtTheEnd(lambda: scrapes.append(Scrape(fetch(free_port)))),
        )
        result = run(attrs.evolve(pipeline, observers=observers, reporters=()))
        return result, scrapes[0]

    return run_and_scrape


@pytest.fixture(scope="session")
def programs() -> tuple[str, str]:
    """The paths of prometheus and promtool; without them the test is skipped, or fails where they must be."""
    found = shutil.which("prometheus"), shutil.which("promtool")
    if found[0] is None or found[1] is None:
        reason = "prometheus and promtool are not installed (apt-get install prometheus)"
        if os.environ.get("QUANTSAIL_REQUIRE_PROMETHEUS") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    return found[0], found[1]


@pytest.fixture(scope="session")
def at_the_end() -> type[AtTheEnd]:
    return AtTheEnd


@pytest.fixture(scope="session")
def get() -> Callable[..., Scrape]:
    """Scrape the endpoint at a port of this machine."""
    return lambda port: Scrape(fetch(port))
