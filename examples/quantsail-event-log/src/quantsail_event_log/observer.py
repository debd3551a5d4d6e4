"""What a run did, line by line: the observer `event-log`."""

from __future__ import annotations

import json
from math import isfinite
from pathlib import Path
from typing import Any, TextIO

import attrs
from quantsail_framework import Position, RunResult, Trade, Trip
from quantsail_framework.domain.bars import utc
from quantsail_framework.domain.order import Refusal
from quantsail_framework.domain.result import is_time_column
from quantsail_framework.domain.signals import side_name
from quantsail_framework.errors import InputError


@attrs.frozen
class EventLog:
    """Writes each event as a JSON object on a line of its own, at once; a run begins the file anew.

    ``time`` is the open of the bar in which it happened; times are ISO 8601 in UTC. A number that is not finite is null.
    """

    path: Path = attrs.field(metadata={"doc": "File to write; its folder must exist."})
    _file: list[TextIO] = attrs.field(init=False, factory=list, eq=False, repr=False)  # one between open and close

    def open(self) -> None:
        """Raises InputError when the folder is missing."""
        if not self.path.parent.is_dir():
            raise InputError(f"there is no folder {self.path.parent}; make it, or mend the option path")
        self._file.append(self.path.open("w", encoding="utf-8", newline="\n", buffering=1))  # out at each end of a line

    def run_started(self, name: str) -> None:
        """The pipeline of that name starts."""
        self._write("run_started", name=name)

    def order_refused(self, refusal: Refusal) -> None:
        """By which rule, and why."""
        about = attrs.asdict(refusal, filter=attrs.filters.exclude("time_ns"))
        self._write("order_refused", **{"time": refusal.time_ns, **about, "side": side_name(refusal.side)})

    def order_filled(self, position: Position) -> None:
        """The position as it begins."""
        about = {name: getattr(position, name) for name in ("quantity", "entry_price", "entry_costs", "stop", "target")}
        side = side_name(position.side)
        self._write("order_filled", time=position.entry_time_ns, symbol=position.symbol, side=side, **about)

    def trade_closed(self, trade: Trade) -> None:
        """Every column of the trades table."""
        self._write("trade_closed", time=trade.exit_time, **attrs.asdict(trade))

    def breaker_tripped(self, rule: str, trip: Trip, time_ns: int) -> None:
        """Which, why, and until when."""
        about = {name: getattr(trip, name) for name in ("reason", "action", "symbols", "limit", "value")}
        self._write("breaker_tripped", time=time_ns, rule=rule, until_time=trip.until_ns, **about)

    def run_finished(self, result: RunResult) -> None:
        """It ended well."""
        self._write("run_finished", name=result.name, verdict=result.verdict)

    def close(self) -> None:
        """Also after a failed run."""
        while self._file:
            self._file.pop().close()

    def _write(self, event: str, **about: Any) -> None:
        line = {"event": event, **{name: _plain(name, value) for name, value in about.items()}}
        self._file[-1].write(json.dumps(line, ensure_ascii=False) + "\n")


def _plain(name: str, value: Any) -> Any:
    if is_time_column(name):
        return f"{utc(value):%Y-%m-%dT%H:%M:%SZ}"
    return None if isinstance(value, float) and not isfinite(value) else value
