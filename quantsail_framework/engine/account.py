"""The account: cash, positions, waiting entries, day figures, and the rows that become tables.

Money moves in two places only, ``enter`` and ``leave``; ``records`` checks every identity against
the rows that they write.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from quantsail_framework.domain.fill import Costs
from quantsail_framework.domain.order import EntryOrder
from quantsail_framework.domain.portfolio import Portfolio
from quantsail_framework.domain.trade import Position
from quantsail_framework.engine.day import TradingDay


class ClosedTrade(NamedTuple):
    """One closed trade as the engine notes it; ``records`` turns it into a row of the trades table."""

    symbol: str
    side: int
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
    ambiguous: bool
    confidence: float
    why: str | Callable[[], str]
    at_close: bool
    entry_costs: float


class Account(Portfolio):
    """The portfolio that components read, and the few methods by which the engine changes it."""

    def __init__(self, capital: float, day: TradingDay) -> None:
        self.capital = capital
        self.cash = capital
        self.now_ns = 0
        self.trades: list[ClosedTrade] = []
        self.flow: list[tuple[int, float]] = []  # (bar open, cash after the fill)
        self.shorts = 0  # open short positions
        self._day_end = day.end
        self._positions: dict[str, Position] = {}
        self._pending: dict[str, EntryOrder] = {}
        self._held_back = 0.0  # reference notional of pending entries
        self._marks: Mapping[str, float] = {}
        self._equity = capital
        self._gross = 0.0
        self._short_gross = 0.0
        self._trades_by_day: dict[int, int] = {}
        self._realised_by_day: dict[int, float] = {}
        self._net: list[float] = []
        self._reasons: list[str] = []
        self._times: list[int] = []

    # What components read.

    @property
    def positions(self) -> Mapping[str, Position]:
        return self._positions

    @property
    def pending(self) -> Mapping[str, EntryOrder]:
        return self._pending

    @property
    def open_count(self) -> int:
        return len(self._positions) + len(self._pending)

    @property
    def equity(self) -> float:
        return self._equity

    @property
    def available(self) -> float:
        if self.shorts:
            return self.cash - 2.0 * self._short_gross - self._held_back
        return self.cash - self._held_back

    @property
    def exposure(self) -> float:
        return self._gross + self._held_back

    @property
    def unrealised(self) -> float:
        return sum(
            position.side * position.quantity * (self._marks[symbol] - position.entry_price) - position.entry_costs
            for symbol, position in self._positions.items()
        )

    @property
    def trades_today(self) -> int:
        return self._trades_by_day.get(self._day_end(self.now_ns), 0)

    @property
    def realised_today(self) -> float:
        return self._realised_by_day.get(self._day_end(self.now_ns), 0.0)

    @property
    def day_end_ns(self) -> int:
        return self._day_end(self.now_ns)

    @property
    def closed_net_pnl(self) -> Sequence[float]:
        return self._net

    @property
    def closed_reasons(self) -> Sequence[str]:
        return self._reasons

    @property
    def closed_times_ns(self) -> Sequence[int]:
        return self._times

    # What the engine does.

    def mark(self, last_closes: Mapping[str, float]) -> None:
        """Value every position at its last close."""
        equity, gross, shorts = self.cash, 0.0, 0.0
        for symbol, position in self._positions.items():
            value = position.quantity * last_closes[symbol]
            gross += value
            if position.side > 0:
                equity += value
            else:
                equity -= value
                shorts += value
        self._equity, self._gross, self._short_gross, self._marks = equity, gross, shorts, last_closes

    def spendable(self, order: EntryOrder) -> float:
        """Available cash for an accepted entry that is about to fill: what others hold back stays back."""
        others = self._held_back - order.quantity * order.price if len(self._pending) > 1 else 0.0
        return self.cash - (2.0 * self._short_gross if self.shorts else 0.0) - others

    def accept(self, order: EntryOrder) -> None:
        """Keep an accepted entry until it fills, and count it for its day."""
        self._pending[order.symbol] = order
        self._hold_back()
        day = self._day_end(order.decided_ns)
        self._trades_by_day[day] = self._trades_by_day.get(day, 0) + 1

    def drop(self, order: EntryOrder) -> None:
        """An accepted entry will not fill: its day gets its count back."""
        del self._pending[order.symbol]
        self._hold_back()
        self._trades_by_day[self._day_end(order.decided_ns)] -= 1

    def _hold_back(self) -> None:
        # Summed anew each time, so that no rounding is left over when nothing is pending.
        held = 0.0
        for order in self._pending.values():
            held += order.quantity * order.price
        self._held_back = held

    def enter(self, order: EntryOrder, price: float, costs: Costs, time_ns: int) -> Position:
        """Book an entry that filled in the bar opening at ``time_ns``."""
        symbol, side, quantity = order.symbol, order.side, order.quantity
        del self._pending[symbol]
        self._hold_back()
        position = Position(symbol, side, quantity, price, time_ns, costs, order.stop, order.target, order)
        self._positions[symbol] = position
        if side < 0:
            self.shorts += 1
        self.cash -= side * quantity * price + (costs.fee + costs.spread + costs.slippage)
        self.flow.append((time_ns, self.cash))
        return position

    def leave(
        self,
        symbol: str,
        price: float,
        costs: Costs,
        time_ns: int,
        reason: str,
        ambiguous: bool = False,
        at_close: bool = False,
    ) -> ClosedTrade:
        """Book the end of a position in the bar opening at ``time_ns``."""
        position = self._positions.pop(symbol)
        order, side, quantity, entry_price = position.order, position.side, position.quantity, position.entry_price
        fee, spread, slippage = position.costs
        paid, entry_paid = costs.fee + costs.spread + costs.slippage, fee + spread + slippage
        gross = side * quantity * (price - entry_price)
        net = gross - entry_paid - paid
        if side < 0:
            self.shorts -= 1
        self.cash += side * quantity * price - paid
        self.flow.append((time_ns, self.cash))
        day = self._day_end(time_ns)
        self._realised_by_day[day] = self._realised_by_day.get(day, 0.0) + net
        trade = ClosedTrade(
            symbol, side, order.signal_time_ns, position.entry_time_ns, time_ns, entry_price, price, order.stop,
            position.target, quantity, gross, fee + costs.fee, spread + costs.spread, slippage + costs.slippage, net,
            reason, order.equity, order.risk, order.bound_by, ambiguous, order.confidence, order.reason, at_close,
            entry_paid,
        )  # fmt: skip
        self.trades.append(trade)
        self._net.append(net)
        self._reasons.append(reason)
        self._times.append(time_ns)
        return trade
