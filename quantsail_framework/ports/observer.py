"""What listens to a run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from quantsail_framework.domain.order import Refusal, Trip
from quantsail_framework.domain.trade import Position, Trade


class Events(Protocol):
    """What the engine tells, in time order. ``time_ns`` is the open of the bar in which it happened."""

    def order_refused(self, refusal: Refusal) -> None:
        """An entry was refused."""
        ...

    def order_filled(self, position: Position) -> None:
        """An entry filled."""
        ...

    def trade_closed(self, trade: Trade) -> None:
        """A position was closed."""
        ...

    def breaker_tripped(self, rule: str, trip: Trip, time_ns: int) -> None:
        """A breaker tripped at the close of that bar."""
        ...

    def equity_updated(self, time_ns: int, equity: float) -> None:
        """Equity at a close: once per simulated day in a backtest, at each close elsewhere."""
        ...

    def bars_decided(self, time_ns: int, symbols: Sequence[str], seconds: float) -> None:
        """Bar by bar only: all is decided at the close of the bar of these symbols that opened at ``time_ns``,
        ``seconds`` of wall time after the bar was at hand."""
        ...


class Observer(Protocol):
    """Listens to a run. Has any of the events of Events and of those below; what it lacks is not called.
    What it raises is logged with its name and stops nothing.

    - ``run_prepared(pipeline)``: first of all, the Pipeline that is about to run.
    - ``run_started(name)``: the pipeline of that name starts.
    - ``run_finished(result)``: the run ended well. A failed run ends with ``close`` alone.
    - ``alert_dropped(sink, alert)``: an alert will never reach that sink, named as in the pipeline file
      (``telegram``, ``telegram-2``). It may come after ``run_finished``.
    """

    def open(self) -> None:
        """Called once before the run."""
        ...

    def close(self) -> None:
        """Called once after the run."""
        ...
