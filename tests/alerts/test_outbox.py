"""The outbox: never in the way of the run, nothing critical lost, order kept, memory bounded, losses counted."""

from __future__ import annotations

import asyncio
import itertools
import threading
import time
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quantsail_framework.domain.alert import LEVELS, Alert
from quantsail_framework.errors import DeliveryError, InputError
from quantsail_framework.outbox import Counts, Limits, Outbox
from quantsail_framework.ports.alert_sink import RoutedSink
from tests.alerts.conftest import QUICK, Open, ScriptedSink, alert, critical, wait_until

DOWN = DeliveryError("connection refused")


def test_alerts_arrive_in_order_on_a_thread_of_the_sink(outbox: Open) -> None:
    sink = ScriptedSink()
    box = outbox(sink)
    for number in range(50):
        box.put(alert(str(number)))
    box.close()
    assert sink.texts == [str(number) for number in range(50)]
    assert sink.calls == ["open", "close"]
    assert sink.threads == {"alerts s0"}
    assert box.counts() == {"s0": Counts(sent=50, dropped=0, waiting=0)}


def test_a_sink_without_alerts_is_not_opened(outbox: Open) -> None:
    sink = ScriptedSink()
    before = threading.active_count()
    outbox(sink).close()
    assert sink.calls == []
    assert threading.active_count() == before


def test_d121_a_sink_that_hangs_holds_up_neither_the_run_nor_another_sink(outbox: Open) -> None:
    """The seed's blocked the trading loop for five seconds an alert."""
    hanging, healthy = ScriptedSink(), ScriptedSink()
    hanging.gate.clear()
    box = outbox(hanging, healthy)
    began = time.monotonic()
    for number in range(200):
        box.put(alert(str(number)))
    assert time.monotonic() - began < 200 * 0.005
    wait_until(lambda: len(healthy.got) == 200)
    assert hanging.got == []


def test_d122_what_fails_for_the_moment_is_tried_again_later_and_later(outbox: Open) -> None:
    sink = ScriptedSink([DOWN] * 4)
    box = outbox(sink, limits=attrs.evolve(QUICK, first_retry_s=0.01, longest_retry_s=0.02))
    box.put(alert("a"))
    box.put(alert("b"))
    wait_until(lambda: sink.texts == ["a", "b"])
    times = [at for text, at in sink.attempts if text == "a"]
    # 10 ms, then twice as long, then never longer than 20 ms.
    pauses = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert all(pause >= least for pause, least in zip(pauses, (0.01, 0.02, 0.02, 0.02), strict=True)), pauses


def test_d122_a_service_that_says_when_is_not_asked_before(outbox: Open) -> None:
    sink = ScriptedSink([DeliveryError("HTTP 429", retry_after_s=0.15)])
    box = outbox(sink)
    box.put(alert())
    wait_until(lambda: len(sink.got) == 1)
    first, second = (at for _, at in sink.attempts)
    assert second - first >= 0.15


@pytest.mark.parametrize("asked", [1e12, float("inf")])
def test_a_service_that_asks_for_ages_is_left_alone_until_the_end(asked: float, outbox: Open) -> None:
    sink = ScriptedSink([DeliveryError("HTTP 429", retry_after_s=asked)])
    box = outbox(sink)
    box.put(critical())
    wait_until(lambda: len(sink.attempts) == 1)
    time.sleep(0.05)
    assert box.counts()["s0"] == Counts(sent=0, dropped=0, waiting=1)
    assert [thread.name for thread in threading.enumerate()].count("alerts s0") == 1
    box.close()
    assert sink.calls == ["open", "close"]


class _MuteError(Exception):
    def __str__(self) -> str:
        raise ValueError("no text")


class _OddError(Exception):
    retry_after_s = "a while"


class _HostileError(Exception):
    @property
    def retry_after_s(self) -> float:
        raise ValueError("no number")


@pytest.mark.parametrize(
    "error", [_MuteError(), _OddError(), _HostileError(), asyncio.CancelledError(), KeyboardInterrupt()]
)
def test_nothing_that_a_sink_raises_ends_its_worker(error: BaseException, outbox: Open) -> None:
    sink = ScriptedSink([error] * 5)
    box = outbox(sink)
    box.put(alert("poison"))
    box.put(alert("next"))
    wait_until(lambda: sink.texts == ["next"])
    box.close()
    assert box.counts()["s0"] == Counts(sent=1, dropped=1, waiting=0)
    assert sink.calls == ["open", "close"]


def test_d122_a_critical_alert_persists_and_another_does_not(outbox: Open, warnings: list[str]) -> None:
    sink = ScriptedSink([DOWN] * 5 + [DOWN] * 12)
    box = outbox(sink)
    box.put(alert("ordinary"))
    box.put(critical("critical"))
    wait_until(lambda: sink.texts == ["critical"])
    tried = [text for text, _ in sink.attempts]
    assert (tried.count("ordinary"), tried.count("critical")) == (5, 13)
    assert warnings == [
        "s0 could not deliver 'trade_opened' yet: connection refused",
        "s0 did not deliver 'trade_opened': connection refused",
    ]


@pytest.mark.parametrize("error", [DeliveryError("HTTP 401", permanent=True), InputError("TOKEN is not set")])
def test_what_is_wrong_for_good_is_tried_once(error: Exception, outbox: Open, warnings: list[str]) -> None:
    sink = ScriptedSink([error])
    box = outbox(sink)
    box.put(critical("a"))
    box.put(critical("b"))
    wait_until(lambda: sink.texts == ["b"])
    assert len(sink.attempts) == 2
    assert warnings == [f"s0 did not deliver 'error': {error}"]


@pytest.mark.parametrize("error", [ValueError("a bug"), SystemExit(3)])
def test_an_alert_at_which_a_sink_breaks_does_not_stop_those_behind_it(error: BaseException, outbox: Open) -> None:
    sink = ScriptedSink([error] * 5)
    box = outbox(sink)
    box.put(critical("poison"))
    box.put(critical("next"))
    wait_until(lambda: sink.texts == ["next"])
    assert [text for text, _ in sink.attempts].count("poison") == 5


def test_a_sink_that_cannot_open_is_opened_again(outbox: Open) -> None:
    class Late(ScriptedSink):
        def open(self) -> None:
            super().open()
            if len(self.calls) < 3:
                raise OSError("port in use")

    sink = Late()
    box = outbox(sink)
    box.put(alert("a"))
    box.close()
    assert sink.calls == ["open", "open", "open", "close"]
    assert sink.texts == ["a"]


def test_where_there_is_no_room_the_oldest_of_the_least_urgent_goes(outbox: Open) -> None:
    sink = ScriptedSink()
    sink.gate.clear()
    box = outbox(sink, limits=attrs.evolve(QUICK, capacity=3))
    box.put(alert("being sent"))
    wait_until(lambda: len(sink.attempts) == 1)
    for text, level in (("i1", "info"), ("w1", "warning"), ("i2", "info")):
        box.put(alert(text, level=level))
    box.put(alert("i3"))  # i1 goes
    box.put(critical("e1"))  # i2 goes
    box.put(alert("w2", level="warning"))  # i3 goes
    box.put(alert("i4"))  # less urgent than all that wait: it goes itself
    assert box.counts()["s0"] == Counts(sent=0, dropped=4, waiting=4)
    assert [a.text for _, a in box.take_dropped()] == ["i1", "i2", "i3", "i4"]
    assert box.take_dropped() == []
    sink.gate.set()
    wait_until(lambda: len(sink.got) == 4)
    assert sink.texts == ["being sent", "w1", "e1", "w2"]


def test_losses_are_told_once_and_counted_in_the_end(outbox: Open, warnings: list[str]) -> None:
    sink = ScriptedSink()
    sink.gate.clear()
    box = outbox(sink, limits=attrs.evolve(QUICK, capacity=2))
    for number in range(10):
        box.put(alert(str(number)))
    box.close(0.01)
    assert len(warnings) == 2
    assert warnings[0] == "s0 did not deliver 'trade_opened': too many are waiting for it"
    assert warnings[1] == "s0: 10 alerts were not delivered"
    assert box.counts()["s0"] == Counts(sent=0, dropped=10, waiting=0)


def test_closing_has_a_limit_and_says_what_was_left(outbox: Open, warnings: list[str]) -> None:
    sink = ScriptedSink()
    sink.gate.clear()
    box = outbox(sink)
    box.put(critical())
    began = time.monotonic()
    box.close(0.05)
    assert 0.05 <= time.monotonic() - began < 1.0
    assert warnings == ["s0 did not deliver 'error': no time was left"]
    assert [a.text for _, a in box.take_dropped()] == ["!"]


def test_closing_does_not_wait_for_an_attempt_that_would_come_too_late(outbox: Open) -> None:
    sink = ScriptedSink([DeliveryError("HTTP 429", retry_after_s=60.0)])
    box = outbox(sink)
    box.put(critical())
    wait_until(lambda: len(sink.attempts) == 1)
    began = time.monotonic()
    box.close(5.0)
    assert time.monotonic() - began < 1.0
    assert sink.calls == ["open", "close"]
    assert box.counts()["s0"].dropped == 1


def test_an_outbox_that_is_closed_takes_nothing_more_and_counts_it(outbox: Open) -> None:
    sink = ScriptedSink()
    box = outbox(sink)
    box.close()
    box.put(alert())
    assert sink.calls == []
    assert box.counts()["s0"] == Counts(0, 1, 0)


def test_an_interrupt_while_closing_leaves_at_once(outbox: Open) -> None:
    import _thread

    sink = ScriptedSink()
    sink.gate.clear()
    box = outbox(sink)
    box.put(critical())
    threading.Timer(0.05, _thread.interrupt_main).start()
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        box.close(30.0)
    assert time.monotonic() - began < 5.0
    assert box.counts()["s0"] == Counts(0, 1, 0)


def test_d126_each_sink_gets_what_its_route_takes(outbox: Open) -> None:
    all_, urgent, two = ScriptedSink(), ScriptedSink(), ScriptedSink()
    box = outbox(
        RoutedSink("all", all_),
        RoutedSink("urgent", urgent, min_level="warning"),
        RoutedSink("two", two, only=("error", "run_finished")),
    )
    for level, kind in zip(LEVELS, ("run_finished", "trade_closed", "breaker_tripped", "error"), strict=True):
        box.put(alert(kind, kind, level))
    box.close()
    assert all_.texts == ["run_finished", "trade_closed", "breaker_tripped", "error"]
    assert urgent.texts == ["breaker_tripped", "error"]
    assert two.texts == ["run_finished", "error"]


ALERTS = st.lists(st.tuples(st.sampled_from(LEVELS), st.booleans()), max_size=60)


@settings(max_examples=60, deadline=None)
@given(given=ALERTS, capacity=st.integers(1, 8))
def test_nothing_critical_is_lost_and_memory_is_bounded(given: list[tuple[Any, bool]], capacity: int) -> None:
    """Whatever comes while a sink hangs: all critical ones arrive, in order, and so do the others that were not
    dropped; no more of those wait than there is room for; every alert is delivered or counted."""
    sink = ScriptedSink()
    sink.gate.clear()
    box = Outbox([("s", RoutedSink("s", sink))], limits=attrs.evolve(QUICK, capacity=capacity), warn=lambda _: None)
    put = [_numbered(n, level, is_breaker) for n, (level, is_breaker) in enumerate(given)]
    try:
        for each in put:
            box.put(each)
            criticals = sum(a.critical for a in put[: int(each.text) + 1])
            assert box.counts()["s"].waiting <= 1 + max(capacity, criticals)
    finally:
        sink.gate.set()
        box.close()
    dropped = [a.text for _, a in box.take_dropped()]
    assert [a.text for a in put if a.critical] == [a.text for a in sink.got if a.critical]
    assert sorted(sink.texts + dropped, key=int) == [a.text for a in put]
    assert sink.texts == sorted(sink.texts, key=int)
    assert box.counts()["s"] == Counts(sent=len(sink.got), dropped=len(dropped), waiting=0)


def _numbered(number: int, level: Any, is_breaker: bool) -> Alert:
    return alert(str(number), "breaker_tripped" if is_breaker else "trade_closed", level)


@settings(max_examples=40, deadline=None)
@given(failures=st.lists(st.integers(0, 4), min_size=1, max_size=8))
def test_order_is_kept_through_any_failures(failures: list[int]) -> None:
    """Each alert fails some times first; fewer than the attempts it has."""
    troubles = [trouble for count in failures for trouble in [*([DOWN] * count), None]]
    sink = ScriptedSink(troubles)
    limits = Limits(first_retry_s=0.0001, longest_retry_s=0.0002)
    box = Outbox([("s", RoutedSink("s", sink))], limits=limits, warn=lambda _: None)
    for number in range(len(failures)):
        box.put(alert(str(number)))
    box.close()
    assert sink.texts == [str(number) for number in range(len(failures))]
    assert len(sink.attempts) == len(failures) + sum(failures)


def test_critical_alerts_too_have_a_bound(outbox: Open) -> None:
    sink = ScriptedSink()
    sink.gate.clear()
    box = outbox(sink, limits=attrs.evolve(QUICK, capacity=2, critical_capacity=5))
    for number in range(20):
        box.put(critical(str(number)))
    wait_until(lambda: len(sink.attempts) == 1)
    assert box.counts()["s0"].waiting <= 6
    assert box.counts()["s0"].dropped >= 14
