"""Sinks whose trouble is scripted, and an outbox that waits for milliseconds instead of seconds."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

from quantsail_framework.domain.alert import Alert
from quantsail_framework.outbox import Limits, Outbox
from quantsail_framework.ports.alert_sink import RoutedSink

QUICK = Limits(first_retry_s=0.002, longest_retry_s=0.01)


class ScriptedSink:
    """Raises the next of ``troubles`` at each attempt, else keeps the alert. While ``gate`` is shut it hangs."""

    def __init__(self, troubles: Sequence[BaseException | None] = (), *, always: BaseException | None = None) -> None:
        self.troubles = list(troubles)
        self.always = always
        self.gate = threading.Event()
        self.gate.set()
        self.calls: list[str] = []
        self.attempts: list[tuple[str, float]] = []
        self.got: list[Alert] = []
        self.threads: set[str] = set()

    def open(self) -> None:
        self.calls.append("open")

    def send(self, alert: Alert) -> None:
        self.threads.add(threading.current_thread().name)
        self.attempts.append((alert.text, time.monotonic()))
        self.gate.wait()
        trouble = self.troubles.pop(0) if self.troubles else self.always
        if trouble is not None:
            raise trouble
        self.got.append(alert)

    def close(self) -> None:
        self.calls.append("close")

    @property
    def texts(self) -> list[str]:
        return [alert.text for alert in self.got]


Open = Callable[..., Outbox]


@pytest.fixture
def warnings() -> list[str]:
    return []


@pytest.fixture
def outbox(warnings: list[str]) -> Iterator[Open]:
    """Makes an outbox of sinks; whatever hangs is let go in the end."""
    made: list[tuple[Outbox, tuple[Any, ...]]] = []

    def build(*sinks: Any, limits: Limits = QUICK) -> Outbox:
        routed = [sink if isinstance(sink, RoutedSink) else RoutedSink(f"s{n}", sink) for n, sink in enumerate(sinks)]
        box = Outbox([(each.name, each) for each in routed], limits=limits, warn=warnings.append)
        made.append((box, tuple(each.sink for each in routed)))
        return box

    yield build
    for box, sinks in made:
        for sink in sinks:
            sink.gate.set()
        box.close(1.0)


def alert(text: str = "x", kind: str = "trade_opened", level: Any = "info", **more: Any) -> Alert:
    return Alert(kind, level, text, 0, **more)


def critical(text: str = "!") -> Alert:
    return alert(text, "error", "error")


def wait_until(condition: Callable[[], bool], within_s: float = 5.0) -> None:
    """Return as soon as it holds; fail when it does not in time."""
    ends_at = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < ends_at, "it did not happen in time"
        time.sleep(0.001)
