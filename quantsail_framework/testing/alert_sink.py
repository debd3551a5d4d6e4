"""The contract of alert sinks: opens, delivers whatever it is given, closes."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar, get_args

from quantsail_framework.domain.alert import Alert, Level
from quantsail_framework.testing.contract import Contract, case, expect
from quantsail_framework.testing.markets import START_NS

TEXTS = (
    "BNB/USDT: long 0.5 at 312.40",
    "<class 'float'> & 1 < 2, *bold* _and_ [brackets](x)",
    "entry at 0.00001234, loss −5.00 €, ✓",
    "line one\nline two\ttab",
    "x" * 5_000,
    "",
)


class AlertSinkContract(Contract, suite=True):
    """Cases for ``AlertSink``. For a sink that needs the network override ``build`` with one that talks to a fake."""

    kind: ClassVar[str] = "alert-sink"
    methods: ClassVar[Mapping[str, int]] = {"open": 0, "send": 1, "close": 0}

    @contextmanager
    def opened(self) -> Iterator[Any]:
        """An open sink, closed in the end."""
        sink = self.build()
        sink.open()
        try:
            yield sink
        finally:
            sink.close()

    @case("A01")
    def test_a01_opens_and_closes(self) -> None:
        """A run without any alert opens and closes the sink; close must not need a first alert."""
        with self.opened():
            pass

    @case("A02")
    def test_a02_sends_every_level(self) -> None:
        """Alerts of every level are sent, with and without details."""
        with self.opened() as sink:
            for level in get_args(Level):
                sink.send(alert(level=level))
                sink.send(alert(level=level, details={"symbol": "BNB/USDT", "net_pnl": -5.0, "note": None}))

    @case("A03")
    def test_a03_sends_any_text(self) -> None:
        """Markup characters, other alphabets, line breaks, five thousand characters and no text at all: escape what
        the service reads as markup, and cut or split what it does not take."""
        with self.opened() as sink:
            for text in TEXTS:
                sink.send(alert(text=text))

    @case("A04")
    def test_a04_sends_from_another_thread(self) -> None:
        """Alerts are sent off the trading thread: a sink opened on one thread sends on another."""
        problems: list[Exception] = []

        def send(sink: Any) -> None:
            try:
                sink.send(alert())
            except Exception as error:  # noqa: BLE001 whatever it is, the case reports it
                problems.append(error)

        with self.opened() as sink:
            worker = threading.Thread(target=send, args=(sink,))
            worker.start()
            worker.join()
        expect(not problems, f"send on another thread raised {problems!r}")


def alert(**values: Any) -> Alert:
    """An alert of a finished run."""
    defaults: dict[str, Any] = {"kind": "run_finished", "level": "info", "text": "Finished.", "time_ns": START_NS}
    return Alert(**(defaults | values))
