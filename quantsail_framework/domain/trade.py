"""Trades: an open position, a closed trade, and why trades end."""

from __future__ import annotations

from typing import Protocol

import attrs

from quantsail_framework.domain.fill import Costs
from quantsail_framework.domain.order import EntryOrder

# Why a trade ended, in the words of the trades table.
STOP = "stop"
TRAILING_STOP = "trailing_stop"
TARGET = "target"
SIGNAL = "signal"
TIME = "time"
FLATTEN = "flatten"
RUIN = "ruin"
END_OF_DATA = "end_of_data"
EXIT_REASONS = (STOP, TRAILING_STOP, TARGET, SIGNAL, TIME, FLATTEN, RUIN, END_OF_DATA)


@attrs.define(eq=False)
class Position:
    """An open position. Only the engine changes it; components read.

    ``quantity`` is above zero for both sides. ``stop`` and ``target`` are the levels in force now;
    ``trailed`` says that the trail moved the stop last. ``costs`` were paid at the entry. ``order``
    is the accepted entry it came from, with the levels it began with. ``last_close`` is the close at
    which the account last valued it, the entry price before there was one.
    """

    symbol: str
    side: int
    quantity: float
    entry_price: float
    entry_time_ns: int
    costs: Costs
    stop: float
    target: float | None
    order: EntryOrder
    trailed: bool = False
    last_close: float = attrs.field(default=attrs.Factory(lambda self: self.entry_price, takes_self=True))
    entry_costs: float = attrs.field(default=attrs.Factory(lambda self: self.costs.total, takes_self=True))

    @property
    def signed_quantity(self) -> float:
        """Quantity, below zero for a short."""
        return self.side * self.quantity

    @property
    def initial_stop(self) -> float:
        """The stop it began with."""
        return self.order.stop

    @property
    def trail(self) -> float | None:
        """Trailing distance in price."""
        return self.order.trail

    @property
    def max_bars(self) -> int:
        """Closed bars after which it exits; 0 for never."""
        return self.order.max_bars


class Outcome(Protocol):
    """What components may read of a closed trade; columns of the trades table. ``risk`` is above zero."""

    @property
    def symbol(self) -> str: ...

    @property
    def exit_time(self) -> int: ...

    @property
    def exit_reason(self) -> str: ...

    @property
    def net_pnl(self) -> float: ...

    @property
    def risk(self) -> float: ...


@attrs.frozen
class Trade:
    """A closed trade: one row of the trades table. Money in quote currency, times are bar opens (ns UTC).

    ``mae`` and ``mfe`` are the worst and the best move while it was open, as positive fractions of
    the entry price.
    """

    symbol: str
    side: str
    signal_time: int
    entry_time: int
    exit_time: int
    entry_price: float
    exit_price: float
    stop: float
    target: float | None
    quantity: float
    gross_pnl: float
    fees: float
    spread: float
    slippage: float
    net_pnl: float
    exit_reason: str
    equity_at_entry: float
    risk: float
    bound_by: str
    mae: float
    mfe: float
    ambiguous: bool
    confidence: float
    reason: str
