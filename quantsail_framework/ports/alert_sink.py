"""Where alerts go, and which of them."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from quantsail_framework.domain.alert import LEVELS, Alert, Level


class AlertSink(Protocol):
    """Delivers alerts, one at a time and in order, on a thread of its own: it may block, the run does not wait.

    Secrets are revealed in ``open`` or ``send``, never when the sink is made, so that a run which sends
    nothing needs none. A sink that fails neither stops the run nor another sink. Its options are the
    keys of ``[[alerts]]`` beside ``use``, ``min_level`` and ``only``, which belong to the pipeline.
    """

    def open(self) -> None:
        """Called once before the first alert; again after it raised."""
        ...

    def send(self, alert: Alert) -> None:
        """Deliver it, or raise.

        A DeliveryError says whether to try again, and when; an OSError is tried again too. Critical alerts
        are tried until they are delivered, others a few times. An alert may arrive twice where an answer was lost.
        """
        ...

    def close(self) -> None:
        """Called once after the last."""
        ...


class RoutedSink(NamedTuple):
    """A sink under the name that ``--set`` knows it by, and which alerts go to it.

    ``min_level``: less urgent ones do not. ``only``: these kinds alone do; None for every kind.
    """

    name: str
    sink: AlertSink
    min_level: Level = "info"
    only: tuple[str, ...] | None = None

    def takes(self, alert: Alert) -> bool:
        """Whether ``alert`` goes to this sink."""
        return alert.urgency >= LEVELS.index(self.min_level) and (self.only is None or alert.kind in self.only)
