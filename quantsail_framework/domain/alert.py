"""An alert: something that a person should hear of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import attrs

Level = Literal["info", "success", "warning", "error"]


@attrs.frozen
class Alert:
    """``kind`` is the event (``run_finished``, ``error`` ...); ``details`` are its plain values."""

    kind: str
    level: Level
    text: str
    time_ns: int
    details: Mapping[str, Any] = attrs.field(factory=dict, hash=False)
