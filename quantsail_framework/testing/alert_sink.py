"""The contract of alert sinks: opens, delivers whatever it is given, shows no secret, closes."""

from __future__ import annotations

import io
import logging
import threading
import traceback
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import Any, ClassVar, get_args

import attrs

from quantsail_framework.config import Secret
from quantsail_framework.config.tree import ALERT_KEYS
from quantsail_framework.domain.alert import KINDS, Alert, Level
from quantsail_framework.testing.contract import Contract, case, expect
from quantsail_framework.testing.markets import START_NS

THREADS = 4
ALERTS_PER_THREAD = 3
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

    @case("AS-01")
    def test_as01_opens_and_closes(self) -> None:
        """A run without any alert opens and closes the sink; close must not need a first alert."""
        with self.opened():
            pass

    @case("AS-02")
    def test_as02_sends_every_level(self) -> None:
        """Alerts of every level are sent, with and without fields."""
        with self.opened() as sink:
            for level in get_args(Level):
                sink.send(alert(level=level))
                sink.send(alert(level=level, fields={"symbol": "BNB/USDT", "net_pnl": -5.0, "note": None}))

    @case("AS-03")
    def test_as03_sends_any_text(self) -> None:
        """Markup characters, other alphabets, line breaks, five thousand characters and no text at all: escape what
        the service reads as markup, and cut or split what it does not take."""
        with self.opened() as sink:
            for text in TEXTS:
                sink.send(alert(text=text))

    @case("AS-04")
    def test_as04_sends_from_another_thread(self) -> None:
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

    @case("AS-05")
    def test_as05_sends_every_kind(self) -> None:
        """Every kind of alert is sent, also one that a plugin made up."""
        with self.opened() as sink:
            for kind in (*KINDS, "something-new"):
                sink.send(alert(kind=kind))

    @case("AS-06")
    def test_as06_shows_no_secret(self) -> None:
        """A secret stays inside: not in repr, not in what is printed or logged at any level, not in what is raised.
        Mind libraries that log addresses, and exceptions that name them."""
        sink = self.build()
        shown = [repr(sink), str(sink)]
        with _overheard(shown):
            try:
                sink.open()
                sink.send(alert())
                sink.close()
            except Exception:  # noqa: BLE001 whatever it is, nothing of it may show a secret
                shown.append(traceback.format_exc())
        for name, value in _secrets(sink):
            expect(not any(value in text for text in shown), f"the secret of option {name!r} is shown")

    @case("AS-07")
    def test_as07_leaves_the_keys_of_the_pipeline_alone(self) -> None:
        """``min_level`` and ``only`` of an item of [[alerts]] say which alerts go there: a sink has no such option."""
        taken = sorted({field.alias or field.name for field in attrs.fields(self.load())} & set(ALERT_KEYS))
        expect(not taken, f"{self.load().__name__} has the option {', '.join(taken)}, which belongs to the pipeline")

    @case("AS-08")
    def test_as08_sends_from_many_threads_at_once(self) -> None:
        """A run that ends and a breaker that trips may send at the same moment: alerts of several threads at once are
        all taken. Guard what they share with a lock that open() makes."""
        together = threading.Barrier(THREADS)

        def send(sink: Any) -> None:
            together.wait()
            for number in range(ALERTS_PER_THREAD):
                sink.send(alert(text=f"number {number}"))

        with self.opened() as sink, ThreadPoolExecutor(THREADS) as pool:
            told = [pool.submit(send, sink) for _ in range(THREADS)]
            problems = [each.exception() for each in told if each.exception()]
        expect(not problems, f"sending from {THREADS} threads at once raised {problems!r}")


@contextmanager
def _overheard(texts: list[str]) -> Iterator[None]:
    """Adds to ``texts`` what is printed and logged meanwhile."""

    class Ear(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            texts.append(self.format(record))  # with the traceback, where it has one

    root, ear, printed = logging.getLogger(), Ear(), io.StringIO()
    level = root.level
    root.addHandler(ear)
    root.setLevel(logging.DEBUG)
    try:
        with redirect_stdout(printed), redirect_stderr(printed):
            yield
    finally:
        root.setLevel(level)
        root.removeHandler(ear)
        texts.append(printed.getvalue())


def _secrets(sink: Any) -> Iterator[tuple[str, str]]:
    """Option and value of every secret that the sink was built with."""
    for field in attrs.fields(type(sink)):
        value = getattr(sink, field.name)
        for secret in value if isinstance(value, list | tuple) else (value,):
            if isinstance(secret, Secret):
                yield field.name, secret.reveal()


def alert(**values: Any) -> Alert:
    """An alert of a finished run."""
    defaults: dict[str, Any] = {"kind": "run_finished", "level": "info", "text": "Finished.", "time_ns": START_NS}
    return Alert(**(defaults | values))
