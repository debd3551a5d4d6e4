"""An alert: something that a person should hear of; its kinds, its levels, and which must not be lost."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal, get_args

import attrs

Level = Literal["info", "success", "warning", "error"]
Kind = Literal[
    "engine_started",
    "engine_stopped",
    "trade_opened",
    "trade_closed",
    "daily_target",
    "daily_loss_limit",
    "breaker_tripped",
    "error",
    "run_finished",
]
LEVELS: tuple[Level, ...] = get_args(Level)  # from the least urgent to the most
KINDS: tuple[Kind, ...] = get_args(Kind)
_TITLES: Mapping[str, str] = {"daily_target": "Daily target reached", "daily_loss_limit": "Daily loss limit reached"}


def _well_formed(text: str) -> str:
    """``text`` as every sink can encode it: halves of a character, as undecodable file names have, become U+FFFD."""
    return str(text).encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _plain(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {str(name): _plain_value(value) for name, value in fields.items()}


def _plain_value(value: Any) -> str | int | float | bool | None:
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    return value if value is None or isinstance(value, bool | int) else _well_formed(value)


@attrs.frozen
class Alert:
    """``kind`` is the event, one of KINDS or a plugin's own; ``text`` is for people and complete in itself.

    ``fields`` holds the same as plain values for programs: text, numbers, booleans and None, which also
    stands for a number that is not finite. ``time_ns`` is when it happened: in a run over candles the
    open of the bar, else the wall clock (ns UTC). ``title`` follows from the kind.
    """

    kind: str
    level: Level
    text: str = attrs.field(converter=_well_formed)
    time_ns: int
    fields: Mapping[str, Any] = attrs.field(factory=dict, converter=_plain, hash=False)
    title: str = attrs.field(
        default=attrs.Factory(lambda self: _title(self.kind), takes_self=True), converter=_well_formed
    )

    @property
    def urgency(self) -> int:
        """The place of its level among LEVELS."""
        return LEVELS.index(self.level)

    @property
    def critical(self) -> bool:
        """Whether it must not be lost: an error, a daily loss limit, a breaker."""
        return self.level == "error" or self.kind == "breaker_tripped"


def _title(kind: str) -> str:
    return _TITLES.get(kind, kind.replace("_", " ").capitalize())
