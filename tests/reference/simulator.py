"""The trading rules walked literally, one bar open time after the other: slow, plain, and easy to check by eye.

It follows "One moment, in order" of the trading semantics phase by phase and looks at nothing
that is not there yet. No arrays, no jumping, no code of the framework.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from . import costs as cost_models
from .book import Order, Position, missing, side_name, to_step, trade_row
from .rules import Request, Rule
from .values import Action, Market, Outcome, Paid, Settings

NS = 1_000_000_000
SIZER = {"max_risk_per_trade_pct": 0.5, "max_position_pct_equity": 10.0, "min_notional": 10.0, "cash_buffer_pct": 1.0}


@dataclass
class Simulation:
    """The account and the clock.

    ``closed`` counts the bars of a symbol that are known now, ``before`` those that opened before now.
    """

    markets: list[Market]
    settings: Settings
    cash: float = 0.0
    now: int = 0
    close_time: int = 0
    ruined: bool = False
    positions: dict[str, Position] = field(default_factory=dict)
    pending: dict[str, Order] = field(default_factory=dict)
    accepted: dict[date, int] = field(default_factory=dict)
    trades: list[dict[str, Any]] = field(default_factory=list)
    exit_days: list[date] = field(default_factory=list)
    refusals: list[dict[str, Any]] = field(default_factory=list)
    points: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.cash = self.settings.capital
        self.market = {market.symbol: market for market in self.markets}
        self.cost = cost_models.build(self.settings.costs, self.markets)
        self.sizer = SIZER | self.settings.sizer
        self.rules = [Rule(name, options, peak=self.settings.capital) for name, options in self.settings.rules]
        self.zone = ZoneInfo(self.settings.zone)
        self.closed = {market.symbol: 0 for market in self.markets}
        self.before = dict(self.closed)
        self.has_volume = {market.symbol: any(volume > 0 for volume in market.volume) for market in self.markets}

    # ---- the clock -------------------------------------------------------------------------

    def run(self) -> Outcome:
        """Every moment of the union of all open times, then the books."""
        for now in sorted({time for market in self.markets for time in market.time}):
            self.moment(now)
        assert not self.positions
        assert not self.pending
        total = sum(trade["net_pnl"] for trade in self.trades)
        change = self.cash - self.settings.capital
        assert math.isclose(total, change, rel_tol=1e-9, abs_tol=1e-9 * self.settings.capital), (total, change)
        first = {market.symbol: self._first_tradable(market) for market in self.markets}
        return Outcome(self.trades, self.refusals, self.points, self.cash, first)

    def moment(self, now: int) -> None:
        """One bar open time, in the order of the page."""
        self.now, self.close_time = now, now + self.settings.timeframe
        self.before = dict(self.closed)
        here = [market for market in self.markets if self._opens_now(market)]
        tradable = [market for market in here if self._tradable(market, self.before[market.symbol])]
        ended_before = len(self.trades)
        # 1. Open: market exits first, then entries.
        for market in tradable:
            self._market_exit(market)
        for market in tradable:
            self._market_entry(market)
        # 2. Inside the bar.
        for market in tradable:
            self._touch(market)
        # 3. Close: the bars that opened now are known from here on.
        for market in here:
            self._bar_closes(market)
        for market in here:  # (a)
            if self.closed[market.symbol] == len(market.time):
                self._end_of_data(market)
        if self.equity() <= 0.0 and not self.ruined:  # (b)
            self._ruin()
        self._mark()
        for market in here:  # (c)
            self._move_trail(market)
        for rule in self.rules:  # (d)
            rule.at_close(self, trade_ended=len(self.trades) > ended_before)
        deciding = [market for market in tradable if self._may_decide(market)]
        actions = {market.symbol: self._ask(market) for market in deciding}
        for market in deciding:  # (e)
            self._decide_exit(market, actions[market.symbol])
        for market in deciding:  # (f)
            self._decide_entry(market, actions[market.symbol])

    def _opens_now(self, market: Market) -> bool:
        index = self.closed[market.symbol]
        return index < len(market.time) and market.time[index] == self.now

    def _tradable(self, market: Market, index: int) -> bool:
        if market.synthetic and market.synthetic[index]:
            return False
        return market.volume[index] > 0 or not self.has_volume[market.symbol]

    def _first_tradable(self, market: Market) -> int | None:
        able = (i for i in range(market.first, len(market.time)) if self._tradable(market, i))
        index = next(able, None)
        return None if index is None else market.time[index]

    def _may_decide(self, market: Market) -> bool:
        """After the warm-up, and not on the symbol's last bar, whose signals have no next open."""
        index = self.closed[market.symbol] - 1
        return market.first <= index < len(market.time) - 1

    def day_of(self, time_ns: int) -> date:
        """The trading day of a moment."""
        return datetime.fromtimestamp(time_ns // NS, UTC).astimezone(self.zone).date()

    # ---- the account -----------------------------------------------------------------------

    def last_close(self, symbol: str) -> float:
        """The close of the last bar that has closed."""
        return self.market[symbol].close[self.closed[symbol] - 1]

    def equity(self) -> float:
        """Cash plus signed quantity times last close."""
        return self.cash + sum(p.side * p.quantity * self.last_close(p.symbol) for p in self.positions.values())

    def available(self, without: Order | None = None) -> float:
        """Cash less twice the shorts at last close, less the reference notional of waiting entries."""
        shorts = sum(p.quantity * self.last_close(p.symbol) for p in self.positions.values() if p.side < 0)
        waiting = sum(order.quantity * order.price for order in self.pending.values() if order is not without)
        return self.cash - 2.0 * shorts - waiting

    def _mark(self) -> None:
        exposure = sum(p.quantity * self.last_close(p.symbol) for p in self.positions.values())
        self.points.append({"time": self.now, "equity": self.equity(), "cash": self.cash, "exposure": exposure})

    def _fill_costs(self, symbol: str, side: int, quantity: float, price: float, liquidity: str) -> Paid:
        """Costs of a fill in the bar that opens now: only bars that had closed before it are visible."""
        return self.cost(symbol, side, quantity, price, liquidity, self.before[symbol] - 1)

    # ---- 1. open ---------------------------------------------------------------------------

    def _market_exit(self, market: Market) -> None:
        position = self.positions.get(market.symbol)
        if position is not None and position.leaving is not None:
            self._leave(position, market.open[self.before[market.symbol]], position.leaving)

    def _market_entry(self, market: Market) -> None:
        order = self.pending.get(market.symbol)
        if order is None:
            return
        price = market.open[self.before[market.symbol]]
        beyond_stop = price <= order.stop if order.side > 0 else price >= order.stop
        at_target = order.target is not None and (price >= order.target if order.side > 0 else price <= order.target)
        if beyond_stop or at_target:
            self._drop(order, "gapped", order.stop if beyond_stop else order.target, price, price)
            return
        paid = self._fill_costs(order.symbol, order.side, order.quantity, price, "taker")
        needed, available = order.quantity * price + sum(paid), self.available(without=order)
        if needed > available:
            self._drop(order, "insufficient_cash", available, needed, price)
            return
        del self.pending[order.symbol]
        self.cash -= order.side * order.quantity * price + sum(paid)
        self.positions[order.symbol] = Position(
            symbol=order.symbol,
            side=order.side,
            quantity=order.quantity,
            entry_price=price,
            entry_time=self.now,
            entry_costs=paid,
            stop=order.stop,
            target=order.target,
            order=order,
            lowest=price,
            highest=price,
        )

    def _drop(self, order: Order, rule: str, limit: float | None, value: float | None, price: float) -> None:
        """An accepted entry does not fill: it is refused, and its day gets its count back."""
        del self.pending[order.symbol]
        self.accepted[order.day] -= 1
        self._refuse(order.symbol, order.side, order.signal_time, rule, limit, value, price)

    # ---- 2. inside the bar -----------------------------------------------------------------

    def _touch(self, market: Market) -> None:
        position = self.positions.get(market.symbol)
        if position is None:
            return
        index = self.before[market.symbol]
        open_, high, low = market.open[index], market.high[index], market.low[index]
        # Without a target, one that no price reaches.
        stop, target = position.stop, position.side * math.inf if position.target is None else position.target
        if position.side > 0:
            stopped, hit = low <= stop, high >= target
            stop_fill, target_fill = min(open_, stop), max(open_, target)
        else:
            stopped, hit = high >= stop, low <= target
            stop_fill, target_fill = max(open_, stop), min(open_, target)
        if stopped and (not hit or self.settings.both_touched == "stop_first"):
            self._leave(position, stop_fill, "trailing_stop" if position.trailed else "stop", ambiguous=hit)
        elif hit:
            self._leave(position, target_fill, "target", "maker", ambiguous=stopped)

    def _leave(
        self, position: Position, price: float, reason: str, liquidity: str = "taker", *, ambiguous: bool = False
    ) -> None:
        """Close a position at ``price``, in the bar that opens now."""
        symbol, side, quantity = position.symbol, position.side, position.quantity
        paid = self._fill_costs(symbol, -side, quantity, price, liquidity)
        del self.positions[symbol]
        self.cash += side * quantity * price - sum(paid)
        self._check_price(symbol, price)
        self.trades.append(trade_row(position, price, paid, self.now, reason, ambiguous=ambiguous))
        self.exit_days.append(self.day_of(self.now))

    def _check_price(self, symbol: str, price: float) -> None:
        """Every fill lies inside its bar: the one that opens now, or the last one for a symbol without."""
        market, index = self.market[symbol], self.before[symbol]
        if index == len(market.time) or market.time[index] != self.now:
            index -= 1
        assert market.low[index] <= price <= market.high[index], (symbol, self.now, price)

    # ---- 3. close --------------------------------------------------------------------------

    def _bar_closes(self, market: Market) -> None:
        index = self.before[market.symbol]
        self.closed[market.symbol] = index + 1
        position = self.positions.get(market.symbol)
        if position is not None:
            position.bars += 1
            position.lowest = min(position.lowest, market.low[index])
            position.highest = max(position.highest, market.high[index])

    def _end_of_data(self, market: Market) -> None:
        if market.symbol in self.positions:
            self._leave(self.positions[market.symbol], market.close[-1], "end_of_data")
        order = self.pending.get(market.symbol)
        if order is not None:
            self._drop(order, "end_of_data", None, None, order.price)

    def _ruin(self) -> None:
        self.ruined = True
        for market in self.markets:
            if market.symbol in self.positions:
                self._leave(self.positions[market.symbol], self.last_close(market.symbol), "ruin")
        for market in self.markets:
            order = self.pending.get(market.symbol)
            if order is not None:
                self._drop(order, "ruin", None, None, order.price)

    def _move_trail(self, market: Market) -> None:
        position = self.positions.get(market.symbol)
        if position is None or missing(position.order.signal["trail"]):
            return
        level = self.last_close(market.symbol) - position.side * position.order.signal["trail"]
        level = to_step(level, market.tick, up=position.side < 0)
        if (level > position.stop) if position.side > 0 else (level < position.stop):
            position.stop, position.trailed = level, True

    def flatten(self, symbol: str = "") -> None:
        """A breaker wants out, of all symbols or of one: market exits for the next open, waiting entries refused."""
        leaving = [market for market in self.markets if symbol in ("", market.symbol)]
        for market in leaving:
            position = self.positions.get(market.symbol)
            if position is not None and position.leaving is None:
                position.leaving = "flatten"
        for market in leaving:
            order = self.pending.get(market.symbol)
            if order is not None:
                self._drop(order, "flattened", None, None, order.price)

    # ---- decisions -------------------------------------------------------------------------

    def _ask(self, market: Market) -> Action:
        """The bar strategy's word for this close; nothing when the signals are columns."""
        if self.settings.on_bar is None:
            return None
        position, index = self.positions.get(market.symbol), self.closed[market.symbol] - 1
        return self.settings.on_bar(market.symbol, index, position.view() if position else None)

    def _decide_exit(self, market: Market, action: Action) -> None:
        position = self.positions.get(market.symbol)
        if position is None:
            return
        index = self.closed[market.symbol] - 1
        if action is not None and action[0] == "adjust":
            self._adjust(market, position, index, action[1], action[2])
        if self.settings.on_bar is None:
            wants_out = bool(market.exit) and market.exit[index]
        else:
            wants_out = action is not None and action[0] == "exit"
        max_bars = position.order.signal["max_bars"]
        if position.leaving is None and wants_out:
            position.leaving = "signal"
        if position.leaving is None and 0 < max_bars <= position.bars:
            position.leaving = "time"

    def _adjust(self, market: Market, position: Position, index: int, stop: float | None, target: float | None) -> None:
        close, side = market.close[index], position.side
        if stop is not None:
            stop = to_step(stop, market.tick, up=side < 0)
            if not (stop < close if side > 0 else stop > close):
                self._refuse(market.symbol, side, self.now, "invalid_levels", None, None, close)
            elif (stop > position.stop) if side > 0 else (stop < position.stop):
                position.stop, position.trailed = stop, False
        if target is not None:
            target = to_step(target, market.tick, up=side < 0)
            if not (_is_price(target) and (target > close if side > 0 else target < close)):
                self._refuse(market.symbol, side, self.now, "invalid_levels", None, None, close)
            else:
                position.target = target

    def _signal(self, market: Market, action: Action) -> dict[str, Any] | None:
        index = self.closed[market.symbol] - 1
        if self.settings.on_bar is not None:
            if action is None or action[0] != "enter":
                return None
            given = action[1]
        else:
            if not market.entry or market.entry[index] == 0:
                return None
            names = ("stop", "target", "confidence", "trail", "max_bars", "reason")
            given = {name: getattr(market, name)[index] for name in names if getattr(market, name)}
            given["side"] = market.entry[index]
        defaults = {"stop": None, "target": None, "confidence": 1.0, "trail": None, "max_bars": 0, "reason": ""}
        return {**defaults, **given}

    def _decide_entry(self, market: Market, action: Action) -> None:
        signal = self._signal(market, action)
        if signal is None or market.symbol in self.positions or market.symbol in self.pending:
            return
        symbol, side, price = market.symbol, signal["side"], self.last_close(market.symbol)
        levels = self._levels(market, signal, price)
        if self.ruined:
            self._refuse(symbol, side, self.now, "ruin", None, None, price)
        elif levels is None:
            self._refuse(symbol, side, self.now, "invalid_levels", None, None, price)
        else:
            quantity, bound_by = self._size(price, levels[0], market.lot)
            request = Request(symbol, side, quantity, price, *levels, index=self.closed[symbol] - 1)
            refused = self._why_not(market, request)
            if refused is not None:
                self._refuse(symbol, side, self.now, *refused, price)
            else:
                self._accept(request, signal, bound_by)

    def _why_not(self, market: Market, request: Request) -> tuple[str, float | None, float | None] | None:
        """The first that refuses a sized entry, with limit and value; None when nothing does."""
        if request.quantity <= 0.0:
            return "sizer", None, 0.0
        smallest, notional = max(self.sizer["min_notional"], market.min_notional), request.quantity * request.price
        if notional < smallest:
            return "min_notional", smallest, notional
        for rule in self.rules:
            verdict = rule.check(request, self)
            if verdict is not None:
                return verdict
        return None

    def _accept(self, request: Request, signal: dict[str, Any], bound_by: str) -> None:
        day = self.day_of(self.close_time)
        self.accepted[day] = self.accepted.get(day, 0) + 1
        self.pending[request.symbol] = Order(
            symbol=request.symbol,
            side=request.side,
            quantity=request.quantity,
            price=request.price,
            stop=request.stop,
            target=request.target,
            signal=signal,
            signal_time=self.now,
            day=day,
            equity=self.equity(),
            risk=request.quantity * abs(request.price - request.stop),
            bound_by=bound_by,
        )

    def _levels(self, market: Market, signal: dict[str, Any], price: float) -> tuple[float, float | None] | None:
        """Stop and target on the tick, or None when they or the confidence make no sense."""
        if missing(signal["stop"]) or not 0.0 <= signal["confidence"] <= 1.0:
            return None
        short = signal["side"] < 0
        stop = to_step(signal["stop"], market.tick, up=short)
        target = None if missing(signal["target"]) else to_step(signal["target"], market.tick, up=short)
        if short:
            good = stop > price and (target is None or target < price)
        else:
            good = stop < price and (target is None or target > price)
        good = good and _is_price(stop) and (target is None or _is_price(target))
        return (stop, target) if good else None

    def _size(self, price: float, stop: float, lot: Decimal | None) -> tuple[float, str]:
        """fixed-fractional: the smallest of three quantities, in whole lots, and which one it was."""
        sizer, equity = self.sizer, self.equity()
        by_risk = equity * sizer["max_risk_per_trade_pct"] / 100.0 / abs(price - stop)
        by_position = equity * sizer["max_position_pct_equity"] / 100.0 / price
        by_cash = self.available() * (1.0 - sizer["cash_buffer_pct"] / 100.0) / price
        bounds = ((by_risk, "risk"), (by_position, "position"), (by_cash, "cash"))
        quantity, bound_by = min(bounds, key=lambda bound: bound[0])
        return (to_step(quantity, lot, up=False) if quantity > 0.0 else quantity), bound_by

    def _refuse(
        self, symbol: str, side: int, time: int, rule: str, limit: float | None, value: float | None, price: float
    ) -> None:
        what = {"time": time, "symbol": symbol, "side": side_name(side)}
        self.refusals.append(what | {"rule": rule, "limit": limit, "value": value, "price": price})


def _is_price(level: float) -> bool:
    """A price is finite and above zero: a stop of 0 would be none."""
    return 0.0 < level < math.inf


def simulate(markets: list[Market], settings: Settings) -> Outcome:
    """Trades, refusals and equity of ``markets`` (in pipeline order) under ``settings``."""
    return Simulation(markets, settings).run()
