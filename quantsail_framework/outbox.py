"""Between a run and its alert sinks: a bounded queue with a worker thread for each, so that no sink holds up anything.

``put`` never waits. What a sink refuses for the moment is tried again, each time after twice as long; critical
alerts until they are delivered. Where a queue is full the least urgent of the others go, and are counted.
"""

from __future__ import annotations

import itertools
import logging
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from contextlib import suppress

import attrs

from quantsail_framework.domain.alert import LEVELS, Alert
from quantsail_framework.errors import DeliveryError, InputError, words
from quantsail_framework.ports.alert_sink import RoutedSink

FLUSH_S = 5.0  # how long the end of a run waits for alerts
_LONGEST_WAIT_S = 3_600.0  # at once; what a service asks for may be more than a lock can wait
_SLICE_S = 0.1  # a longer wait could not be interrupted everywhere
_log = logging.getLogger(__name__)


@attrs.frozen
class Limits:
    """``capacity`` alerts wait for one sink; critical ones beyond it, up to ``critical_capacity`` in all.

    The first retry comes after ``first_retry_s``, no pause but one that a service asks for is longer than
    ``longest_retry_s``. ``attempts`` are made for an alert that is not critical, and for one at which the sink itself
    breaks.
    """

    capacity: int = 1_000
    critical_capacity: int = 10_000
    first_retry_s: float = 1.0
    longest_retry_s: float = 60.0
    attempts: int = 5


@attrs.frozen
class Counts:
    """Alerts of one sink: delivered, dropped (no room, refused for good, or out of time), and still waiting."""

    sent: int
    dropped: int
    waiting: int


_DEFAULTS = Limits()


class Outbox:
    """Hands alerts to the sinks whose route takes them.

    ``sinks`` holds (what messages call it, sink); ``warn`` is told what could not be delivered, and
    why in words of strangers, which it must make fit to be shown. A worker
    starts with the first alert of its sink, and opens it.
    """

    def __init__(
        self,
        sinks: Iterable[tuple[str, RoutedSink]],
        *,
        limits: Limits = _DEFAULTS,
        warn: Callable[[str], None] = _log.warning,
    ) -> None:
        self._boxes = [_Mailbox(label, routed, limits, warn) for label, routed in sinks]

    def put(self, alert: Alert) -> None:
        """Queue it and return at once."""
        for box in self._boxes:
            if box.routed.takes(alert):
                box.put(alert)

    def counts(self) -> dict[str, Counts]:
        """What became of the alerts, by name of the sink."""
        return {box.routed.name: box.counts() for box in self._boxes}

    def take_dropped(self) -> list[tuple[str, Alert]]:
        """Name of the sink, and alert, of every one that was dropped since the last call."""
        return [(box.routed.name, alert) for box in self._boxes for alert in box.take_dropped()]

    def close(self, within_s: float = FLUSH_S) -> None:
        """Deliver what waits, for at most ``within_s`` seconds in all; the rest is dropped and told.

        Interrupted, it drops the rest at once.
        """
        ends_at = time.monotonic() + within_s
        for box in self._boxes:
            box.finish(ends_at)
        try:
            for box in self._boxes:
                box.join(ends_at)
        finally:
            for box in self._boxes:
                box.abandon()


class _Mailbox:
    """The queue of one sink and the thread that empties it. ``_current`` is being delivered."""

    def __init__(self, label: str, routed: RoutedSink, limits: Limits, warn: Callable[[str], None]) -> None:
        self.label = label
        self.routed = routed
        self._limits = limits
        self._warn = warn
        self._changed = threading.Condition()
        self._numbers = itertools.count()
        self._waiting: OrderedDict[int, Alert] = OrderedDict()  # by number, the oldest first
        self._ordinary: list[deque[int]] = [deque() for _ in LEVELS]  # those not critical, by urgency
        self._current: Alert | None = None
        self._ends_at: float | None = None
        self._worker: threading.Thread | None = None
        self._is_open = False
        self._in_trouble = False
        self._has_complained = False
        self._sent = self._dropped = 0
        self._untold: deque[Alert] = deque(maxlen=limits.critical_capacity)

    def put(self, alert: Alert) -> None:
        with self._changed:
            dropped = alert if self._ends_at is not None else self._admit(alert)
            if dropped is not None:
                self._count_dropped(dropped)
            self._changed.notify_all()
            if self._worker is None and self._waiting:
                self._worker = threading.Thread(target=self._work, name=f"alerts {self.routed.name}", daemon=True)
                self._worker.start()
        if dropped is not None:
            self._complain(dropped, "too many are waiting for it")

    def counts(self) -> Counts:
        with self._changed:
            return Counts(self._sent, self._dropped, len(self._waiting) + (self._current is not None))

    def take_dropped(self) -> list[Alert]:
        if not self._untold:
            return []
        with self._changed:
            untold = list(self._untold)
            self._untold.clear()
            return untold

    def finish(self, ends_at: float) -> None:
        with self._changed:
            self._ends_at = ends_at
            self._changed.notify_all()

    def join(self, ends_at: float) -> None:
        while self._worker is not None and self._worker.is_alive() and (left := ends_at - time.monotonic()) > 0.0:
            self._worker.join(min(left, _SLICE_S))

    def abandon(self) -> None:
        """Drop what is left, and what is being delivered: whether that still arrives nobody waits to learn."""
        with self._changed:
            left = [*([self._current] if self._current else []), *self._waiting.values()]
            self._waiting.clear()
            self._current = None
            for alert in left:
                self._count_dropped(alert)
            total = self._dropped
        if left:
            self._complain(left[0], "no time was left")
        if total > 1:
            self._warn(f"{self.label}: {total} alerts were not delivered")

    # The queue; the lock is held.

    def _admit(self, alert: Alert) -> Alert | None:
        """Let it wait; returns the alert that goes instead where there is no room: the oldest of the least urgent."""
        dropped = None
        if len(self._waiting) >= self._limits.capacity:
            lowest = next((urgency for urgency, numbers in enumerate(self._ordinary) if numbers), None)
            if lowest is not None and (alert.critical or alert.urgency >= lowest):
                dropped = self._waiting.pop(self._ordinary[lowest].popleft())
            elif not alert.critical or len(self._waiting) >= self._limits.critical_capacity:
                return alert
        number = next(self._numbers)
        self._waiting[number] = alert
        if not alert.critical:
            self._ordinary[alert.urgency].append(number)
        return dropped

    def _take(self) -> Alert:
        """The oldest; it is also the oldest of its urgency."""
        _, alert = self._waiting.popitem(last=False)
        if not alert.critical:
            self._ordinary[alert.urgency].popleft()
        return alert

    def _count_dropped(self, alert: Alert) -> None:
        self._dropped += 1
        self._untold.append(alert)

    # The worker.

    def _work(self) -> None:
        while (alert := self._next()) is not None:
            try:
                self._deliver(alert)
            except Exception as error:  # noqa: BLE001 - whatever it is, those that wait must still be delivered
                with suppress(Exception):
                    self._give_up(alert, words(error))
        if self._is_open:
            try:
                self.routed.sink.close()
            except BaseException as error:  # noqa: BLE001 - a stranger's code
                self._warn(f"{self.label} did not close: {words(error)}")

    def _next(self) -> Alert | None:
        with self._changed:
            while not self._waiting:
                if self._ends_at is not None:
                    return None
                self._changed.wait()
            self._current = self._take()
            return self._current

    def _deliver(self, alert: Alert) -> None:
        attempt = 0
        while (error := self._try(alert)) is not None:
            attempt += 1
            again = _may_try_again(error, alert, attempt, self._limits.attempts)
            if not (again and self._pause(error, alert, attempt)):
                self._give_up(alert, words(error))
                return
        with self._changed:
            if self._current is alert:
                self._current = None
                self._sent += 1
        self._in_trouble = False

    def _try(self, alert: Alert) -> BaseException | None:
        try:
            if not self._is_open:
                self.routed.sink.open()
                self._is_open = True
            self.routed.sink.send(alert)
        except BaseException as error:  # noqa: BLE001 - a stranger's code; nobody interrupts this thread
            return error
        return None

    def _pause(self, error: BaseException, alert: Alert, attempt: int) -> bool:
        """Wait before the next attempt; False when there is no time for one."""
        limits = self._limits
        pause = min(limits.longest_retry_s, limits.first_retry_s * 2.0 ** min(attempt - 1, 60))
        until = time.monotonic() + max(pause, _asked_for_s(error))
        if not self._in_trouble:
            self._in_trouble = True
            self._warn(f"{self.label} could not deliver {alert.kind!r} yet: {words(error)}")
        with self._changed:
            while (left := until - time.monotonic()) > 0.0:
                if self._ends_at is not None and until > self._ends_at:
                    return False
                self._changed.wait(min(left, _LONGEST_WAIT_S))
        return True

    def _give_up(self, alert: Alert, why: str) -> None:
        with self._changed:
            if self._current is not alert:
                return
            self._current = None
            self._count_dropped(alert)
        self._complain(alert, why)

    def _complain(self, alert: Alert, why: str) -> None:
        """Tell of the first that was dropped; how many there were is told in the end."""
        if not self._has_complained:
            self._has_complained = True
            self._warn(f"{self.label} did not deliver {alert.kind!r}: {why}")


def _may_try_again(error: BaseException, alert: Alert, attempt: int, attempts: int) -> bool:
    """Not what is wrong for good. An error that is no matter of the network is not tried for ever."""
    if isinstance(error, InputError) or getattr(error, "permanent", False):
        return False
    return attempt < attempts or (alert.critical and isinstance(error, DeliveryError | OSError))


def _asked_for_s(error: BaseException) -> float:
    """How long the service asks to be left alone; nothing where that is no number."""
    try:
        return float(getattr(error, "retry_after_s", None) or 0.0)
    except (TypeError, ValueError, OverflowError):
        return 0.0
