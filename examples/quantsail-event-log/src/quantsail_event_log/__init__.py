"""Announces the observer of this plugin; imports nothing heavy."""

from __future__ import annotations

from collections.abc import Iterable

from quantsail_framework import Component, hookimpl


@hookimpl
def quantsail_observers() -> Iterable[Component]:
    """The observer `event-log`."""
    yield Component(
        "event-log",
        "quantsail_event_log.observer:EventLog",
        "Writes the events of a run as JSON lines.",
        example={"path": "events.jsonl"},
    )
