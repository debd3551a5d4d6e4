"""The account: cash, positions, waiting entries, day figures, and the rows that become tables.

Money moves in two places only, ``enter`` and ``leave``; ``records`` checks every identity against
the rows that they write.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from quantsail_framework.domain.fill import Costs
from quantsail_framework.domain.order import EntryOrder
from quantsail_framework.domain.portfolio import Portfolio
from quantsail_framework.domain.trade import Position
from quantsail_framework.engine.day import TradingDay
from quantsail_framework.engine.values import new


class ClosedTrade(NamedTuple):
    """One closed trade as the engine notes it; ``records`` works out the rest of its row of the trades table."""

    entry_time: int
    exit_time: int
    entry_price: float
    exit_price: float
    target: float | None
    entry_costs: Costs
    exit_costs: Costs
    net_pnl: float
    exit_reason: str
    ambiguous: bool
    at_close: bool
    order: EntryOrder

    @property
    def symbol(self) -> str:
        """Its market."""
        return self.order.symbol

    @property
    def risk(self) -> float:
        """What its order risked, in quote currency."""
        return self.order.risk


class Account(Portfolio):
    """The portfolio that components read, and the few methods by which the engine changes it."""

    def __init__(self, capital: float, day: TradingDay, closes: Mapping[str, memoryview]) -> None:
        self.capital = capital
        self.cash = self.equity = self.available = capital
        self.exposure = 0.0
        self.positions: dict[str, Position] = {}
        self.pending: dict[str, EntryOrder] = {}
        self.shorts = 0  # open short positions
        self.now_ns = 0
        self.day_end_ns = self._day_start_ns = 0
        self.trades_today = 0
        self.realised_today = 0.0
        self.trades: list[ClosedTrade] = []
        self.flow_times: list[int] = []  # of every fill, its bar's open
        self.flow_cash: list[float] = []  # and the cash after it
        self.closed_net_pnl: list[float] = []
        self.closed_reasons: list[str] = []
        self.closed_times_ns: list[int] = []
        self.closes = closes  # of the bars, by symbol
        self._end_of_day = day.end
        self._held_back = 0.0  # reference notional of pending entries
        self._short_gross = 0.0  # at the last mark

    @property
    def unrealised(self) -> float:
        return sum(
            position.side * position.quantity * (position.last_close - position.entry_price) - position.entry_costs
            for position in self.positions.values()
        )

    def at(self, now_ns: int) -> None:
        """Time is ``now_ns``; a new trading day starts its figures anew."""
        self.now_ns = now_ns
        if now_ns >= self.day_end_ns:
            self._day_start_ns = now_ns  # no event of this day is earlier
            self.day_end_ns = self._end_of_day(now_ns)
            self.trades_today, self.realised_today = 0, 0.0

    def mark(self, row: int = -1) -> None:
        """Value every position at its ``last_close``, first moved to bar ``row`` if that is the same bar for all."""
        equity = cash = self.cash
        gross = shorts = 0.0
        closes, price = self.closes, 0.0
        for symbol, position in self.positions.items():
            if row >= 0:
                position.last_close = price = closes[symbol][row]
            else:
                price = position.last_close
            value = position.quantity * price
            gross += value
            if position.side > 0:
                equity += value
            else:
                equity -= value
                shorts += value
        self.equity, self._short_gross = equity, shorts
        self.available = cash - 2.0 * shorts - self._held_back
        self.exposure = gross + self._held_back

    def spendable(self, notional: float) -> float:
        """Available cash for an accepted entry that is about to fill: what others hold back stays back."""
        others = self._held_back - notional if len(self.pending) > 1 else 0.0
        return self.cash - (2.0 * self._short_gross if self.shorts else 0.0) - others

    def accept(self, symbol: str, order: EntryOrder, notional: float) -> None:
        """Keep an accepted entry until it fills, and count it for its day."""
        self.pending[symbol] = order
        self._held_back += notional
        self.available -= notional
        self.exposure += notional
        self.trades_today += 1

    def drop(self, order: EntryOrder) -> None:
        """An accepted entry will not fill: its day, if it is still that day, gets its count back."""
        notional = order.quantity * order.price
        del self.pending[order.symbol]
        self._held_back = self._held_back - notional if self.pending else 0.0  # then no rounding is left over
        self.available += notional
        self.exposure -= notional
        if order.decided_ns >= self._day_start_ns:
            self.trades_today -= 1

    def enter(self, order: EntryOrder, price: float, costs: Costs, time_ns: int) -> Position:
        """Book an entry that filled in the bar opening at ``time_ns``."""
        symbol, side, quantity, reference, stop, target = order[:6]
        del self.pending[symbol]
        self._held_back = self._held_back - quantity * reference if self.pending else 0.0
        fee, spread, slippage = costs
        paid = fee + spread + slippage
        self.positions[symbol] = position = Position(
            symbol, side, quantity, price, time_ns, costs, stop, target, order, False, price, paid
        )
        if side < 0:
            self.shorts += 1
        self.cash = cash = self.cash - (side * quantity * price + paid)
        self.flow_times.append(time_ns)
        self.flow_cash.append(cash)
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
        position = self.positions.pop(symbol)
        side, entry_price = position.side, position.entry_price
        fee, spread, slippage = costs
        paid = fee + spread + slippage
        signed = side * position.quantity
        net = signed * (price - entry_price) - position.entry_costs - paid
        if side < 0:
            self.shorts -= 1
        self.cash = cash = self.cash + (signed * price - paid)
        self.flow_times.append(time_ns)
        self.flow_cash.append(cash)
        if time_ns >= self._day_start_ns:  # a ruin at a day's last close belongs to the day before
            self.realised_today += net
        trade = new(ClosedTrade, (
            position.entry_time_ns, time_ns, entry_price, price, position.target, position.costs, costs,
            net, reason, ambiguous, at_close, position.order,
        ))  # fmt: skip
        self.trades.append(trade)
        self.closed_net_pnl.append(net)
        self.closed_reasons.append(reason)
        self.closed_times_ns.append(time_ns)
        if not self.positions:  # nothing is left to be valued at a close
            self.equity, self.exposure, self.available = cash, self._held_back, cash - self._held_back
        return trade
