"""Where alerts go."""

from __future__ import annotations

from typing import Protocol

from quantsail_framework.domain.alert import Alert


class AlertSink(Protocol):
    """Delivers alerts, one at a time, off the trading thread."""

    def open(self) -> None:
        """Called once before the first alert."""
        ...

    def send(self, alert: Alert) -> None:
        """Deliver it, or raise."""
        ...

    def close(self) -> None:
        """Called once after the last."""
        ...
