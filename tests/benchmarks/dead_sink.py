"""How long an alert keeps the engine when its sink is dead: ``python -m tests.benchmarks.dead_sink [ALERTS]``.

The sinks are real HTTP posts, to a port where nobody listens and to a server that answers after 30 seconds. Alerts
come as fast as the engine of a replay sends them, with a little work between them, as the rest of the engine is.
"""

from __future__ import annotations

import json
import socket
import statistics
import sys
import time

import attrs

from quantsail_framework.domain.alert import Alert
from quantsail_framework.http import post_json
from quantsail_framework.outbox import Outbox
from quantsail_framework.ports.alert_sink import RoutedSink
from quantsail_framework.testing import FakeServer, Reply


@attrs.frozen
class Post:
    """Posts each alert as text; raises what the outbox tries again."""

    url: str

    def open(self) -> None: ...

    def send(self, alert: Alert) -> None:
        post_json(self.url, json.dumps(alert.text).encode(), 30.0).require_success()

    def close(self) -> None: ...


def measure(url: str, alerts: int) -> dict[str, float]:
    """Milliseconds that ``put`` takes for each of ``alerts``, one in ten critical; the queue runs full on the way."""
    outbox = Outbox([("dead", RoutedSink("dead", Post(url)))], warn=lambda _text: None)
    spent = []
    for number in range(alerts):
        kind, level = ("error", "error") if number % 10 == 0 else ("trade_opened", "info")
        began = time.perf_counter()
        outbox.put(Alert(kind, level, f"alert {number}", number))  # type: ignore[arg-type]
        spent.append(1000.0 * (time.perf_counter() - began))
        sum(range(5_000))
    outbox.close(0.0)
    return {"median_ms": statistics.median(spent), "mean_ms": statistics.fmean(spent), "worst_ms": max(spent)}


def main(alerts: int) -> None:
    """Print the figures of both dead sinks as JSON."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    found = {"refused": measure(f"http://127.0.0.1:{port}", alerts)}
    with FakeServer(Reply(delay_s=30.0)) as slow:
        found["slow"] = measure(slow.url, alerts)
    print(json.dumps(found))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5_000)
