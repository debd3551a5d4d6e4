"""How long an alert keeps the engine when its sink is dead: ``python -m tests.benchmarks.dead_sink [ALERTS]``.

Measured is all that the run's own thread does for an alert: AlertWriter words a trade, and the outbox takes it. The
sink is the shipped one for Telegram, which posts to a port where nobody listens, or to a server that answers after 30
seconds. Alerts come as fast as the engine of a replay sends them, with a little work between them, as the rest of the
engine is; the queue runs full on the way.
"""

from __future__ import annotations

import json
import os
import socket
import statistics
import sys
import time
from functools import partial

from quantsail_framework import Secret, Trip, redacted
from quantsail_framework.alerts import AlertWriter
from quantsail_framework.outbox import Outbox
from quantsail_framework.ports.alert_sink import RoutedSink
from quantsail_framework.testing import FakeServer, Reply
from quantsail_framework.testing.examples import example_pipeline
from quantsail_framework.testing.fakes import position, trade
from quantsail_telegram.sink import TelegramSink

TOKEN = "110201543:AAH-of-no-bot"


def measure(url: str, alerts: int) -> dict[str, float]:
    """Milliseconds for each of ``alerts``: trades that open and close, and one critical alert in ten."""
    os.environ["DEAD_SINK_TOKEN"] = TOKEN
    sink = TelegramSink(token=Secret(env="DEAD_SINK_TOKEN"), chat_id=1, base_url=url, timeout_s=30.0)
    outbox = Outbox([("dead", RoutedSink("dead", sink))], warn=lambda _text: None)
    writer = AlertWriter(example_pipeline(currency="USDT"), outbox.put, time.time_ns, redacted)
    writer.open()
    opened, closed = position(), trade()
    trip = Trip(2**63 - 1, "the day has lost 5.71, the limit is 5.00", kind="daily_loss_limit")
    events = [partial(writer.order_filled, opened), partial(writer.trade_closed, closed)] * 5
    events[-1] = partial(writer.breaker_tripped, "max-daily-loss", trip, 0)
    spent = []
    for number in range(alerts):
        began = time.perf_counter()
        events[number % len(events)]()
        spent.append(1000.0 * (time.perf_counter() - began))
        sum(range(5_000))
    outbox.close(0.0)
    return {
        "median_ms": statistics.median(spent),
        "mean_ms": statistics.fmean(spent),
        "p99_ms": statistics.quantiles(spent, n=100)[-1],
        "worst_ms": max(spent),
    }


def main(alerts: int) -> None:
    """Print the figures of both dead servers as JSON."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    found = {"refused": measure(f"http://127.0.0.1:{port}", alerts)}
    with FakeServer(Reply(delay_s=30.0)) as slow:
        found["slow"] = measure(slow.url, alerts)
    print(json.dumps(found))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5_000)
