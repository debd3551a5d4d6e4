"""Bar by bar: the code path of replay, paper and live. A clock says when, a feed what the strategy
thinks, a broker executes; the rules are those of the backtest.

Nothing is skipped: every close of every symbol is marked and decided. That its trades equal the
backtest's is what lets a backtest be believed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from time import perf_counter
from typing import Any, Protocol

from quantsail_framework.domain.bars import utc_text
from quantsail_framework.domain.order import EntryOrder
from quantsail_framework.domain.trade import Position
from quantsail_framework.engine.dealer import Dealer, exit_reason
from quantsail_framework.engine.feed import Row, is_bar_strategy, signal_columns
from quantsail_framework.engine.lane import Lane
from quantsail_framework.engine.market import ClosedMarket, MarketData, RollingMarket, all_moments
from quantsail_framework.engine.records import Simulation, record
from quantsail_framework.engine.simulated_broker import SimulatedBroker
from quantsail_framework.engine.simulation import make_dealer, prepare_costs, strategy_columns
from quantsail_framework.errors import AccountingError
from quantsail_framework.ports.broker import Broker, Order
from quantsail_framework.ports.observer import Events
from quantsail_framework.ports.runner import Pipeline, Progress
from quantsail_framework.ports.strategy import BarView

_REPORT_EVERY = 256  # bars between two looks at progress and cancellation


class Clock(Protocol):
    """Says which bar opens next."""

    def moments(self) -> Iterator[int]:
        """Open times, ascending; blocks until each bar has closed."""
        ...


class ReplayClock:
    """The moments of historical candles, as fast as they can be walked."""

    def __init__(self, data: MarketData) -> None:
        self._moments = all_moments([bars.time for bars in data.bars.values()])

    def moments(self) -> Iterator[int]:
        """Every open time once."""
        return iter(self._moments.tolist())


class Feed(Protocol):
    """What a strategy says of the bar a lane is at."""

    def row(self, lane: Lane) -> Row | None:
        """Of a Strategy: its row for this bar."""
        ...

    def view(self, lane: Lane) -> BarView:
        """For a BarStrategy: what it may see at this bar."""
        ...


class OnceFeed:
    """Everything computed in one call beforehand, revealed bar by bar."""

    def __init__(self, strategy: Any, lanes: Sequence[Lane]) -> None:
        self._prepared = (
            {lane.index: strategy.prepare(lane.bars) for lane in lanes} if is_bar_strategy(strategy) else {}
        )

    def row(self, lane: Lane) -> Row | None:
        """The row of this bar."""
        return None if lane.columns is None else lane.columns.row(lane.i)

    def view(self, lane: Lane) -> BarView:
        """The market up to this bar."""
        return BarView(lane.bars, self._prepared[lane.index], lane.i)


class RollingFeed:
    """The last warm-up + 1 bars at each close and nothing else: what a live run sees."""

    def __init__(self, strategy: Any, warmup: int) -> None:
        self._strategy = strategy
        self._warmup = warmup

    def row(self, lane: Lane) -> Row | None:
        """The last row of the signals of the window that ends with this bar."""
        window = lane.bars.slice(lane.i - self._warmup, lane.i + 1)
        return signal_columns(self._strategy, window).row(len(window) - 1)

    def view(self, lane: Lane) -> BarView:
        """The window that ends with this bar."""
        window = lane.bars.slice(lane.i - self._warmup, lane.i + 1)
        return BarView(window, self._strategy.prepare(window), len(window) - 1)


def replay(
    pipeline: Pipeline,
    data: MarketData,
    *,
    both_touched: str = "stop_first",
    feed: str = "once",
    events: Events | None = None,
    progress: Progress | None = None,
    cancelled: Any = None,
) -> Simulation:
    """Walk ``pipeline`` over ``data`` bar by bar through a simulated broker and return its tables.

    ``feed``: ``once`` computes signals in one call, ``rolling`` from the last warm-up + 1 bars at
    each close. Raises what ``simulate`` raises.
    """
    prepare = getattr(pipeline.costs, "prepare", None)
    if feed == "rolling" or prepare is None:
        market: ClosedMarket = RollingMarket(data.bars, data.timeframe, prepare, data.warmup + 1)
    else:
        market = ClosedMarket(data.bars, data.timeframe, prepare_costs(prepare, data))
    columns = strategy_columns(pipeline, data) if feed == "once" else {}
    rules = make_dealer(pipeline, data, market, both_touched, events, columns=columns)
    broker = SimulatedBroker(rules.desk.price, both_touched == "target_first")
    dealer = BrokeredDealer(rules, broker)
    chosen: Feed = (
        OnceFeed(pipeline.strategy, dealer.lanes) if feed == "once" else RollingFeed(pipeline.strategy, data.warmup)
    )
    trader = Trader(pipeline.strategy, dealer, chosen, ReplayClock(data), events)
    trader.run(progress, cancelled)
    return record(dealer.account, dealer.desk.refusals, data)


class BrokeredDealer(Dealer):
    """The dealer whose orders go through a broker, and whose bookings come from the broker's fills."""

    def __init__(self, rules: Dealer, broker: SimulatedBroker) -> None:
        super().__init__(
            rules.lanes,
            rules.account,
            rules.desk,
            rules.market,
            rules.watchdog,
            rules.events,
            target_first=rules.target_first,
        )
        self.broker: Broker = broker
        self._market_moves = broker
        self._seen = 0
        self._sent = 0
        self._levels: dict[str, tuple[float, float | None]] = {}

    def trade(self, lanes: Sequence[Lane], time_ns: int) -> None:
        """The bar that opens at ``time_ns``, and what time it is at its close."""
        account, market = self.account, self.market
        busy = [lane for lane in lanes if lane.position is not None or lane.order is not None]
        if busy:
            market.now_ns = time_ns
            account.at(time_ns)
            super().trade(busy, time_ns)
        market.now_ns = close = time_ns + self._bar_ns
        account.at(close)

    def fill_entry(self, lane: Lane, order: EntryOrder, time_ns: int) -> None:
        """Send the entry when this open lets it; protect it at once."""
        open_ = lane.open[lane.i]
        expected = self.desk.price(order.symbol, order.side, order.quantity, open_, "taker")
        if self.entry_is_refused(lane, order, open_, expected):
            return
        self._market_moves.quote(order.symbol, time_ns, open_)
        self.broker.submit(Order(self._order_id("entry"), order.symbol, order.side, order.quantity, "market"))
        for fill in self._new_fills():
            self.book_entry(lane, order, fill.price, fill.costs, fill.time_ns)
        self.protect(lane)

    def close_at(self, lane: Lane, price: float, reason: str, time_ns: int, *, at_close: bool = False) -> None:
        """Cancel the protective orders and leave at the market."""
        position = lane.position
        if position is None:
            return
        self._cancel_protection(lane.symbol)
        self._market_moves.quote(lane.symbol, time_ns, price)
        self.broker.submit(Order(self._order_id("exit"), lane.symbol, -position.side, position.quantity, "market"))
        for fill in self._new_fills():
            self.book_exit(lane, fill.price, fill.costs, time_ns, reason, at_close=at_close)

    def touch(self, lane: Lane, position: Position, time_ns: int) -> None:
        """The broker sees the whole bar; book what it filled."""
        i = lane.i
        self._market_moves.trade_bar(lane.symbol, time_ns, lane.open[i], lane.high[i], lane.low[i])
        for fill in self._new_fills():
            self._levels.pop(lane.symbol, None)
            reason = exit_reason(position, fill.liquidity == "taker")
            self.book_exit(lane, fill.price, fill.costs, fill.time_ns, reason, ambiguous=fill.ambiguous)

    def settle(self, time_ns: int, ended: bool, watching: bool) -> bool:
        """Mark, ruin, trailing stops, breakers: what a close does to the account before anything is decided.

        ``ended``: a trade ended in this bar. Returns whether lanes beyond this moment's were touched.
        """
        if self.account.positions:
            self.mark(time_ns)
        touched = self.account.equity <= 0.0 and not self.desk.ruined
        if touched:
            self.ruin(time_ns)
        if self.trailing:
            self.trail(time_ns)
        return (self.trip_breakers(time_ns, ended) if watching else False) or touched

    def decide_entry(self, lane: Lane, row: Row) -> None:
        """The entry signal of this bar, when nothing is open."""
        if lane.position is not None or lane.order is not None or lane.i >= lane.last:
            return
        lane.order = self.desk.decide(lane.instrument, lane.close[lane.i], lane.time[lane.i], row)

    def protect(self, lane: Lane) -> None:
        """Keep one stop order, and a target order where there is a target, at the position's levels."""
        position = lane.position
        if position is None or self._levels.get(lane.symbol) == (position.stop, position.target):
            return
        self._cancel_protection(lane.symbol)
        group = self._order_id("group")
        protective = [("stop", position.stop)] + ([] if position.target is None else [("limit", position.target)])
        for kind, price in protective:
            order_id = self._order_id(kind)
            self.broker.submit(Order(order_id, lane.symbol, -position.side, position.quantity, kind, price, group))  # type: ignore[arg-type]
        self._levels[lane.symbol] = (position.stop, position.target)

    def check_balances(self) -> None:
        """The broker must hold what the account says. Raises AccountingError."""
        held = {symbol: position.signed_quantity for symbol, position in self.account.positions.items()}
        for symbol, quantity in self.broker.balances().items():
            if abs(quantity - held.get(symbol, 0.0)) > 1e-9 * max(1.0, abs(quantity)):
                raise AccountingError(f"{symbol}: the broker holds {quantity!r}, the account {held.get(symbol, 0.0)!r}")

    def _cancel_protection(self, symbol: str) -> None:
        if self._levels.pop(symbol, None) is not None:
            for order in self.broker.open_orders():
                if order.symbol == symbol:
                    self.broker.cancel(order.order_id)

    def _new_fills(self) -> Sequence[Any]:
        fills = self.broker.fills_since(self._seen)
        self._seen += len(fills)
        return fills

    def _order_id(self, kind: str) -> str:
        self._sent += 1
        return f"{kind}-{self._sent}"


class Trader:
    """Walks every bar of every symbol in time order."""

    def __init__(self, strategy: Any, dealer: BrokeredDealer, feed: Feed, clock: Clock, events: Events | None) -> None:
        self._strategy = strategy if is_bar_strategy(strategy) else None
        self._dealer = dealer
        self._feed = feed
        self._clock = clock
        self._events = events

    def run(self, progress: Progress | None, cancelled: Any) -> None:
        """One moment after the other: open, inside, close."""
        dealer, account = self._dealer, self._dealer.account
        total = max(len(lane.time) for lane in dealer.lanes)
        for count, t in enumerate(self._clock.moments()):
            at_hand = (
                perf_counter() if self._events is not None else 0.0
            )  # a duration for whoever watches; decides nothing
            if count % _REPORT_EVERY == 0:
                _report(count / total, t, progress, cancelled)
            lanes = [lane for lane in dealer.lanes if lane.arrive(t)]
            closed = len(account.trades)
            dealer.trade(lanes, t)
            dealer.settle(t, len(account.trades) > closed, dealer.watchdog.awake)
            said = {lane.index: self._ask(lane) for lane in lanes if lane.may_decide()}
            for lane in lanes:
                row = said.get(lane.index)
                if lane.position is not None:
                    dealer.decide_exit(lane, row is not None and row.exit)
            for lane in lanes:
                row = said.get(lane.index)
                if row is not None and row.entry:
                    dealer.decide_entry(lane, row)
            for lane in dealer.lanes:
                dealer.protect(lane)
            dealer.check_balances()
            if self._events is not None:
                self._events.equity_updated(t, account.equity)
                self._events.bars_decided(t, [lane.symbol for lane in lanes], perf_counter() - at_hand)

    def _ask(self, lane: Lane) -> Row | None:
        if self._strategy is None:
            return self._feed.row(lane)
        return self._dealer.ask(self._strategy, lane, self._feed.view(lane))


def _report(fraction: float, time_ns: int, progress: Progress | None, cancelled: Any) -> None:
    if cancelled is not None and cancelled():
        raise KeyboardInterrupt
    if progress is not None:
        progress(min(1.0, fraction), utc_text(time_ns))
