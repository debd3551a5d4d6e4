"""What happens to one lane at an open, inside a bar and at a close; shared by every runner.

The loops (``simulation`` by events, ``trader`` bar by bar) only decide when to call what.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from math import isfinite
from typing import Any

from quantsail_framework.domain.fill import Costs
from quantsail_framework.domain.order import EntryOrder, Liquidity, Trip
from quantsail_framework.domain.signals import Adjust, Enter, Exit
from quantsail_framework.domain.trade import (
    END_OF_DATA,
    FLATTEN,
    RUIN,
    SIGNAL,
    STOP,
    TARGET,
    TIME,
    TRAILING_STOP,
    Position,
)
from quantsail_framework.engine import fills, words
from quantsail_framework.engine.account import Account, ClosedTrade
from quantsail_framework.engine.desk import Desk
from quantsail_framework.engine.feed import Row, ask_bar_strategy, row_of
from quantsail_framework.engine.lane import Lane
from quantsail_framework.engine.market import ClosedMarket
from quantsail_framework.engine.records import trade_of
from quantsail_framework.engine.watchdog import Watchdog
from quantsail_framework.ports.observer import Events
from quantsail_framework.ports.strategy import BarView


class Dealer:
    """Applies the trading rules to lanes and books what follows."""

    def __init__(
        self,
        lanes: Sequence[Lane],
        account: Account,
        desk: Desk,
        market: ClosedMarket,
        watchdog: Watchdog,
        events: Events | None,
        target_first: bool,
    ) -> None:
        self.lanes = lanes
        self.account = account
        self.desk = desk
        self.market = market
        self.watchdog = watchdog
        self._by_symbol = {lane.symbol: lane for lane in lanes}
        self._one_clock = all(lane.same_clock(lanes[0]) for lane in lanes)  # then a row is the same bar for all
        self.events = events
        self.target_first = target_first
        self.trailing = False  # whether any position so far had a trail
        self._bar_ns = market.timeframe.ns

    # 1. Open, and 2. inside the bar.

    def trade(self, lanes: Sequence[Lane], time_ns: int) -> None:
        """The bar that opens at ``time_ns`` up to, not including, the decisions at its close.

        Orders decided earlier meet the open, market exits before entries; levels meet the bar, also those of
        positions just opened; symbols whose data end here are closed. Each step is done for all lanes before the next.
        """
        trading = [lane for lane in lanes if lane.tradable is None or lane.tradable[lane.i]]
        for lane in trading:
            if lane.leaving is not None:
                self.close_at(lane, lane.open[lane.i], lane.leaving, time_ns)
        for lane in trading:
            if lane.order is not None:
                self.fill_entry(lane, lane.order, time_ns)
        for lane in trading:
            if lane.position is not None and lane.touch_i <= lane.i:
                self.touch(lane, lane.position, time_ns)
        for lane in lanes:
            if lane.i == lane.last:
                self.end_of_data(lane, time_ns)

    # 1. Open.

    def fill_entry(self, lane: Lane, order: EntryOrder, time_ns: int) -> None:
        """The entry meets this open: it fills, or is refused. Without a bar strategy its touch is looked up at once."""
        i = lane.i
        open_ = lane.open[i]
        costs = self.desk.price(order.symbol, order.side, order.quantity, open_, "taker")
        if not self.entry_is_refused(lane, order, open_, costs):
            self.book_entry(lane, order, open_, costs, time_ns)
            if lane.columns is not None:
                lane.touch_i = lane.next_touch(i)

    def book_entry(self, lane: Lane, order: EntryOrder, price: float, costs: Costs, time_ns: int) -> None:
        """Book a filled entry."""
        position = self.account.enter(order, price, costs, time_ns)
        lane.begin(position)
        if order.trail is not None:
            self.trailing = True
        if self.events is not None:
            self.events.order_filled(position)

    def entry_is_refused(self, lane: Lane, order: EntryOrder, open_: float, costs: Costs) -> bool:
        """Refuse the entry at this open when it has gapped past a level or is not affordable."""
        account = self.account
        _, side, quantity, price, stop, target = order[:6]
        level = fills.gapped(side, stop, target, open_)
        if level is None:
            fee, spread, slippage = costs
            value, limit = quantity * open_ + fee + spread + slippage, account.cash
            if account.shorts or len(account.pending) > 1:
                limit = self._spendable(quantity * price)
            if value <= limit:
                return False
            rule, text = "insufficient_cash", words.cash(value, limit)
        else:
            rule, limit, value = "gapped", level, open_
            text = words.gap(open_, level)
        self.drop(lane, order, rule, text, limit, value, open_)
        return True

    def _spendable(self, notional: float) -> float:
        """What an accepted entry of that reference notional may use at this open."""
        account = self.account
        if account.shorts:
            for held, position in account.positions.items():
                position.last_close = self._by_symbol[held].close_before(account.now_ns)
            account.mark()
        return account.spendable(notional)

    def drop(
        self,
        lane: Lane,
        order: EntryOrder,
        rule: str,
        text: str,
        limit: float | None = None,
        value: float | None = None,
        price: float | None = None,
    ) -> None:
        """Refuse an entry that had been accepted: its day gets its count back. ``price`` if not the reference price."""
        self.account.drop(order)
        lane.order = None
        at = order.price if price is None else price
        self.desk.refuse(order.signal_time_ns, order.symbol, order.side, rule, limit, value, at, text)

    def close_at(self, lane: Lane, price: float, reason: str, time_ns: int, *, at_close: bool = False) -> None:
        """A market exit at ``price``."""
        position = _held(lane)
        costs = self.desk.price(lane.symbol, -position.side, position.quantity, price, "taker")
        self.book_exit(lane, price, costs, time_ns, reason, at_close=at_close)

    def book_exit(
        self,
        lane: Lane,
        price: float,
        costs: Costs,
        time_ns: int,
        reason: str,
        ambiguous: bool = False,
        at_close: bool = False,
    ) -> None:
        """Book a filled exit."""
        trade = self.account.leave(lane.symbol, price, costs, time_ns, reason, ambiguous, at_close)
        lane.end()
        if self.events is not None:
            self._tell_closed(trade, lane)

    def _tell_closed(self, trade: ClosedTrade, lane: Lane) -> None:
        assert self.events is not None  # noqa: S101  # the caller has looked
        self.events.trade_closed(trade_of(trade, lane.bars))

    # 2. Inside the bar.

    def touch(self, lane: Lane, position: Position, time_ns: int) -> None:
        """The position's levels meet this bar."""
        i = lane.i
        if self.trailing:
            lane.trail_to(i - 1)
        side, stop, target = position.side, position.stop, position.target
        hit = fills.touch(side, stop, target, lane.open[i], lane.high[i], lane.low[i], self.target_first)
        if hit is not None:
            price, by_stop, ambiguous = hit
            liquidity: Liquidity = "taker" if by_stop else "maker"
            costs = self.desk.price(lane.symbol, -side, position.quantity, price, liquidity)
            self.book_exit(lane, price, costs, time_ns, exit_reason(position, by_stop), ambiguous)

    # 3. Close.

    def end_of_data(self, lane: Lane, time_ns: int) -> None:
        """This is the lane's last bar: its position is closed at the close, its waiting entry refused."""
        if lane.order is not None:
            self.drop(lane, lane.order, END_OF_DATA, words.ENDED)
        elif lane.position is not None:
            self.close_at(lane, lane.close[lane.i], END_OF_DATA, time_ns, at_close=True)

    def mark(self, time_ns: int, row: int = -1) -> None:
        """Value the account at the closes of the bars up to ``time_ns``; ``row``: which that is in a lane, if known."""
        account = self.account
        if self._one_clock:
            account.mark(row if row >= 0 or not account.positions else self.lanes[0].row_at(time_ns))
            return
        for symbol, position in account.positions.items():
            position.last_close = self._by_symbol[symbol].last_close(time_ns)
        account.mark()

    def trail(self, time_ns: int) -> None:
        """Move every trailing stop by the closes up to ``time_ns``."""
        for lane in self.lanes:
            lane.trail(time_ns)

    def ruin(self, time_ns: int) -> None:
        """Equity is gone: close everything at its last close and refuse every entry from now on."""
        self.desk.ruined = True
        for lane in self.lanes:
            if lane.order is not None:
                self.drop(lane, lane.order, RUIN, "the account is ruined")
            if lane.position is not None:
                self.market.now_ns = time_ns  # costs see what was closed before this bar
                self.close_at(lane, lane.last_close(time_ns), RUIN, time_ns, at_close=True)
        self.market.now_ns = time_ns + self._bar_ns
        self.mark(time_ns)

    def trip_breakers(self, time_ns: int, ended: bool) -> bool:
        """Ask the breakers; returns whether one flattened."""
        tripped, flattened = self.watchdog.ask(self.market, ended), False
        for name, trip in tripped:
            if self.events is not None:
                self.events.breaker_tripped(name, trip, time_ns)
            if trip.action == "flatten":
                self._flatten(name, trip)
                flattened = True
        return flattened

    def _flatten(self, name: str, trip: Trip) -> None:
        for lane in self.lanes:
            if trip.symbols and lane.symbol not in trip.symbols:
                continue
            if lane.order is not None:
                self.drop(lane, lane.order, "flattened", f"{name} flattens: {trip.reason}")
            if lane.position is not None and lane.leaving is None:
                lane.leaving = FLATTEN

    def decide_exit(self, lane: Lane, flagged: bool) -> None:
        """An exit flag, or the end of ``max_bars``, closes the position at the next open."""
        if lane.leaving is not None or not lane.is_tradable(lane.i):
            return
        if flagged:
            lane.leaving = SIGNAL
        elif lane.time_is_up():
            lane.leaving = TIME

    # Bar strategies.

    def ask(self, strategy: Any, lane: Lane, view: BarView) -> Row | None:
        """The bar strategy's word at this close: applies an Adjust, returns an entry or exit as a row."""
        seen = copy(lane.position)  # what a strategy does to it changes nothing
        decision: Enter | Exit | Adjust | None = ask_bar_strategy(strategy, view, seen)
        if decision is None:
            return None
        if isinstance(decision, Adjust):
            self._adjust(lane, decision)
            return None
        return row_of(decision)

    def _adjust(self, lane: Lane, adjust: Adjust) -> None:
        position = lane.position
        if position is None:
            return
        close, side, instrument = lane.close[lane.i], position.side, lane.instrument
        to_tick = instrument.floor_price if side > 0 else instrument.ceil_price
        if adjust.stop is not None:
            stop = to_tick(adjust.stop) if isfinite(adjust.stop) else adjust.stop
            if not (isfinite(stop) and side * (close - stop) > 0.0):
                self._refuse_level(lane, position, stop, f"a stop must be on its side of the close {close:g}")
            elif side * (stop - position.stop) > 0.0:  # a stop may only tighten
                position.stop, position.trailed = stop, False
        if adjust.target is not None:
            target = to_tick(adjust.target) if isfinite(adjust.target) else adjust.target
            if isfinite(target) and target > 0.0 and side * (target - close) > 0.0:
                position.target = target
            else:
                self._refuse_level(lane, position, target, f"a target must be on the far side of the close {close:g}")

    def _refuse_level(self, lane: Lane, position: Position, level: float, text: str) -> None:
        close = lane.close[lane.i]
        self.desk.refuse(lane.time[lane.i], lane.symbol, position.side, "invalid_levels", level, close, close, text)


def exit_reason(position: Position, by_stop: bool) -> str:
    """The word for a touched level."""
    if not by_stop:
        return TARGET
    return TRAILING_STOP if position.trailed else STOP


def _held(lane: Lane) -> Position:
    assert lane.position is not None  # noqa: S101  # callers close only what is open
    return lane.position
