"""The backtest: trading rules applied from event to event, skipping the bars in which nothing can happen.

Signals are columns known beforehand but read only at their own close. A lane sleeps until the next
bar that can matter to it: a candidate entry, a waiting order's open, a touched level, an exit flag,
the end of ``max_bars`` or of the data. Nothing in between changes what is decided, so the result is
that of looking at every bar, which ``trader`` does and the tests compare.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Mapping, Sequence
from heapq import heapify, heappop, heappush, heappushpop
from typing import Any

import numpy as np

from quantsail_framework.domain.bars import utc_text
from quantsail_framework.domain.timeframe import NS_PER_DAY
from quantsail_framework.engine.account import Account
from quantsail_framework.engine.day import TradingDay
from quantsail_framework.engine.dealer import Dealer
from quantsail_framework.engine.desk import Desk
from quantsail_framework.engine.feed import Row, SignalColumns, is_bar_strategy, signal_columns
from quantsail_framework.engine.lane import Lane
from quantsail_framework.engine.market import ClosedMarket, MarketData, all_moments
from quantsail_framework.engine.records import Simulation, record
from quantsail_framework.engine.values import seldom_collected
from quantsail_framework.engine.watchdog import Watchdog
from quantsail_framework.errors import ComponentError
from quantsail_framework.ports.observer import Events
from quantsail_framework.ports.runner import Pipeline, Progress
from quantsail_framework.ports.strategy import BarView

_REPORT_EVERY = 1_024  # moments between two looks at progress and cancellation
_CLOCK = -1  # agenda entry that belongs to no lane
_NEVER = 2**63  # the agenda's last entry: later than any moment


def simulate(
    pipeline: Pipeline,
    data: MarketData,
    *,
    both_touched: str = "stop_first",
    columns: Mapping[str, SignalColumns] | None = None,
    events: Events | None = None,
    progress: Progress | None = None,
    cancelled: Any = None,
) -> Simulation:
    """Run ``pipeline`` over ``data`` and return its tables.

    ``both_touched``: ``stop_first`` or ``target_first``, when one bar touches stop and target. ``columns``: what the
    strategy says by symbol, where that is known already.
    Raises AccountingError when money does not add up, ComponentError when a component breaks its
    port, KeyboardInterrupt when ``cancelled()`` turns true.
    """
    prepare = getattr(pipeline.costs, "prepare", None)
    market = ClosedMarket(data.bars, data.timeframe, prepare_costs(prepare, data))
    dealer = make_dealer(
        pipeline, data, market, both_touched, events, columns=columns or strategy_columns(pipeline, data)
    )
    with seldom_collected():
        _Jumper(pipeline, data, dealer, events).run(progress, cancelled)
        return record(dealer.account, dealer.desk.refusals, data)


def strategy_columns(pipeline: Pipeline, data: MarketData) -> Mapping[str, SignalColumns]:
    """What the strategy says of all bars, by symbol; of a bar strategy nothing."""
    if is_bar_strategy(pipeline.strategy):
        return {}
    return {symbol: signal_columns(pipeline.strategy, bars) for symbol, bars in data.bars.items()}


def prepare_costs(prepare: Any, data: MarketData) -> dict[str, Any]:
    """What the cost model prepares for each symbol. Raises ComponentError unless it is one value per bar."""
    prepared = {} if prepare is None else {symbol: prepare(bars) for symbol, bars in data.bars.items()}
    for symbol, values in prepared.items():
        if np.shape(values) != (len(data.bars[symbol]),):
            raise ComponentError(
                f"the cost model's prepare({symbol}) gave the shape {np.shape(values)}; "
                f"the bars have ({len(data.bars[symbol])},)"
            )
    return prepared


def make_dealer(
    pipeline: Pipeline,
    data: MarketData,
    market: ClosedMarket,
    both_touched: str,
    events: Events | None,
    *,
    columns: Mapping[str, SignalColumns],
) -> Dealer:
    """Account, desk, watchdog and one lane per symbol, wired for one run."""
    closes = {symbol: bars.close.data for symbol, bars in data.bars.items()}
    account = Account(pipeline.capital, TradingDay(pipeline.timezone), closes)
    watchdog = Watchdog(pipeline.risk, account, data.start_ns)
    desk = Desk(account, market, pipeline.sizer, pipeline.costs, pipeline.risk, watchdog, events)
    lanes = [
        Lane(
            k,
            bars,
            data.instruments[symbol],
            data.first(symbol),
            columns.get(symbol),
        )
        for k, (symbol, bars) in enumerate(data.bars.items())
    ]
    return Dealer(lanes, account, desk, market, watchdog, events, both_touched == "target_first")


class _Jumper:
    """The agenda of moments at which something can happen, and the loop over it."""

    def __init__(self, pipeline: Pipeline, data: MarketData, dealer: Dealer, events: Events | None) -> None:
        self.dealer = dealer
        self.lanes = dealer.lanes
        self.agenda: list[tuple[int, int]] = [(_NEVER, _CLOCK)]
        self.bar_ns = data.timeframe.ns
        strategy: Any = pipeline.strategy
        self.strategy = strategy
        self.by_bar = is_bar_strategy(strategy)
        self.every_bar = self.by_bar or dealer.watchdog.every_bar
        self.watched = self.every_bar or dealer.watchdog.every_equity
        self.stepping = self.every_bar  # whether every lane wakes up at its next bar
        self.events = events
        self.day_closes = _day_closes(data) if events is not None else deque[int]()
        if self.by_bar:
            for lane in self.lanes:
                lane.prepared = self.strategy.prepare(lane.bars)

    def run(self, progress: Progress | None, cancelled: Any) -> None:  # noqa: C901, PLR0915
        """Visit every moment at which something can happen, oldest first.

        ``moment`` knows the rules in full. Most moments need little of them: one lane's entry is decided, fills or is
        left, while no short, no breaker and no other lane has a say. These are written out here, which makes it fast.
        """
        dealer, lanes, agenda, bar_ns = self.dealer, self.lanes, self.agenda, self.bar_ns
        account, desk, market, watchdog = dealer.account, dealer.desk, dealer.market, dealer.watchdog
        positions = account.positions
        self.plan(self.every_bar)
        visits = 0
        t, k, eventful = self.next()
        while t < _NEVER:
            visits += 1
            if not visits % _REPORT_EVERY:
                self.report(t, progress, cancelled)
            if k == _CLOCK or agenda[0][0] == t:
                self.moment(t, self.gather(t, k))
                t, k, eventful = self.next()
                continue
            lane = lanes[k]
            lane.i = i = lane.wake_i
            if eventful or not lane.simple or lane.leaving is not None or i == lane.last:
                self.moment(t, lane.alone)
                t, k, eventful = self.next()
                continue

            # Open, and inside the bar.
            ended, order, position = False, lane.order, lane.position
            if order is not None or position is not None:
                market.now_ns = account.now_ns = t
                if t >= account.day_end_ns:
                    account.at(t)
                if order is not None:
                    dealer.fill_entry(lane, order, t)
                    position = lane.position
                    eventful = bool(account.shorts) or account.cash <= 0.0
                if position is not None:
                    if lane.touch_i <= i:
                        dealer.touch(lane, position, t)
                        ended = lane.position is None
                        eventful = bool(account.shorts) or account.cash <= 0.0
                    elif lane.patient and not eventful:
                        lane.wake_i = i = lane.touch_i
                        t, k = heappushpop(agenda, (lane.time[i], k))
                        continue
                    if not ended:
                        self.close(t, lane.alone, ended=False)
                        t, k, eventful = self.next()
                        continue

            # Close: the lane is free.
            market.now_ns = account.now_ns = close = t + bar_ns
            if close >= account.day_end_ns:
                account.at(close)
            if lane.signal_i < i:
                lane.seek_signal(i)
            signalled = lane.signal_i == i
            if ended or signalled:
                if positions:
                    dealer.mark(t, i)
                if dealer.trailing:
                    dealer.trail(t)
            if (
                eventful
                or account.equity <= 0.0
                or close >= watchdog.first_expiry_ns
                or (ended and not watchdog.is_calm(market))
            ):
                self.close(t, lane.alone, ended)
                t, k, eventful = self.next()
                continue
            if signalled:
                assert lane.columns is not None  # noqa: S101  # for the type checker: a simple lane has them
                lane.order = desk.decide(lane.instrument, lane.close[i], t, lane.columns.row(i))
                if lane.order is not None:
                    lane.wake_i = i = i + 1
                    t, k = heappushpop(agenda, (lane.time[i], k))
                    continue
                lane.seek_signal(i + 1)
            lane.wake_i = i = lane.signal_i
            t, k = heappushpop(agenda, (lane.time[i], k)) if i <= lane.last else heappop(agenda)
        self.tell_days(None)

    def next(self) -> tuple[int, int, bool]:
        """The next entry of the agenda, and whether more than one lane's own levels and signals can matter there."""
        account = self.dealer.account
        eventful = self.watched or self.stepping or bool(self.day_closes) or account.shorts > 0 or account.cash <= 0.0
        return *heappop(self.agenda), eventful

    def moment(self, t: int, awake: Sequence[Lane]) -> None:
        """The bar that opens at ``t``, of the lanes that wake up in it: the open, inside the bar, the close."""
        account, ended = self.dealer.account, False
        if self.day_closes:
            self.tell_days(t)
        for lane in awake:
            if lane.order is not None or lane.position is not None:
                closed = len(account.trades)
                self.dealer.market.now_ns = t
                account.at(t)
                self.dealer.trade(awake, t)
                ended = len(account.trades) > closed
                break
        self.close(t, awake, ended)

    def close(self, t: int, awake: Sequence[Lane], ended: bool) -> None:
        """The close of that bar: mark, ruin, trailing stops, breakers; then what is decided, and who wakes up when.

        ``ended``: a trade ended in this bar.
        """
        dealer, account, watchdog = self.dealer, self.dealer.account, self.dealer.watchdog
        dealer.market.now_ns = close = t + self.bar_ns
        account.at(close)
        step = self.every_bar or self.must_watch_equity()
        everyone = step and not self.stepping
        if account.positions:
            dealer.mark(t, awake[0].i if awake else -1)
        if account.equity <= 0.0 and not dealer.desk.ruined:
            dealer.ruin(t)
            everyone, awake = True, self.wake_all(t)  # whoever was closed is free to signal at this very close
        if dealer.trailing:
            dealer.trail(t)
        expiry_ns = watchdog.first_expiry_ns
        if watchdog.awake and (ended or close >= expiry_ns or watchdog.must_ask()):
            everyone |= dealer.trip_breakers(t, ended)
            if watchdog.first_expiry_ns != expiry_ns:
                self.schedule(watchdog.first_expiry_ns)
        self.decide(awake)
        self.stepping = step
        if everyone:
            self.wake_all(t)
            self.plan(step)
            return
        for lane in awake:
            lane.wake_i = i = lane.plan(step)
            if i >= 0:
                heappush(self.agenda, (lane.time[i], lane.index))

    def decide(self, awake: Sequence[Lane]) -> None:
        """Exits, then entries, of the lanes that have a bar at this close."""
        rows = self.ask_bar_strategy(awake) if self.by_bar else None
        candidates = awake if self.by_bar else self.candidates(awake)
        for lane in awake:
            if lane.position is not None and not lane.patient:
                self.dealer.decide_exit(lane, lane.exit_flag(rows))
        for lane in candidates:
            row = lane.row(rows)
            if row is not None and row[0] and lane.order is None and lane.position is None:
                i = lane.i
                lane.order = self.dealer.desk.decide(lane.instrument, lane.close[i], lane.time[i], row)

    # The agenda.

    def plan(self, step: bool) -> None:
        """Enter every lane's next bar in the agenda, in place of what it said of lanes before."""
        agenda = [entry for entry in self.agenda if entry[1] == _CLOCK]
        for lane in self.lanes:
            lane.wake_i = i = lane.plan(step)
            if i >= 0:
                agenda.append((lane.time[i], lane.index))
        heapify(agenda)
        self.agenda[:] = agenda

    def wake_all(self, time_ns: int) -> list[Lane]:
        """Move every lane to its last bar by ``time_ns``; returns those with a bar at that moment."""
        for lane in self.lanes:
            lane.i = bisect_right(lane.time, time_ns) - 1
        return [lane for lane in self.lanes if lane.i >= 0 and lane.time[lane.i] == time_ns]

    def gather(self, time_ns: int, k: int) -> Sequence[Lane]:
        """The lanes that wake up at ``time_ns``, in pipeline order; ``k`` has been taken from the agenda."""
        agenda, awake = self.agenda, []
        while True:
            if k != _CLOCK:
                lane = self.lanes[k]
                lane.i = lane.wake_i
                awake.append(lane)
            if not agenda or agenda[0][0] != time_ns:
                return awake
            _, k = heappop(agenda)

    def schedule(self, close_ns: int) -> None:
        """Visit the first close at or after ``close_ns``: a trip ends there, and its breaker counts anew."""
        found = [(lane, bisect_left(lane.time, close_ns - self.bar_ns)) for lane in self.lanes]
        times = [lane.time[i] for lane, i in found if i <= lane.last]
        if times:
            heappush(self.agenda, (min(times), _CLOCK))

    def must_watch_equity(self) -> bool:
        """Whether every close must be looked at: a breaker watches equity, or the account could be ruined."""
        account = self.dealer.account
        if self.dealer.desk.ruined:
            return False
        if account.cash <= 0.0:
            return True
        if self.dealer.watchdog.every_equity and account.positions:
            return True
        return account.shorts > 0 and account.cash <= sum(lane.worst_short_value() for lane in self.lanes)

    # Decisions.

    def candidates(self, awake: Sequence[Lane]) -> Sequence[Lane]:
        """The lanes with an entry signal at this close."""
        found: Sequence[Lane] = ()
        for lane in awake:
            if lane.position is None and lane.order is None:
                if lane.signal_i < lane.i:
                    lane.seek_signal(lane.i)
                if lane.signal_i == lane.i:
                    found = (*found, lane) if found else lane.alone
        return found

    def ask_bar_strategy(self, lanes: Sequence[Lane]) -> dict[int, Row | None]:
        """What the bar strategy says at this close, by lane."""
        said = {}
        for lane in lanes:
            if lane.may_decide():
                said[lane.index] = self.dealer.ask(self.strategy, lane, BarView(lane.bars, lane.prepared, lane.i))
        return said

    # What the user and observers see.

    def report(self, time_ns: int, progress: Progress | None, cancelled: Any) -> None:
        """Progress as a share of the time covered; stop when asked to."""
        if cancelled is not None and cancelled():
            raise KeyboardInterrupt
        if progress is not None:
            start, end = self.lanes[0].time[0], self.lanes[0].time[self.lanes[0].last]
            progress(min(1.0, (time_ns - start) / max(1, end - start)), utc_text(time_ns))

    def tell_days(self, time_ns: int | None) -> None:
        """``equity_updated`` for the last close of each day that ended before ``time_ns`` (None: for the rest)."""
        if self.events is None:
            return
        dealer = self.dealer
        while self.day_closes and (time_ns is None or self.day_closes[0] < time_ns):
            close = self.day_closes.popleft()
            dealer.mark(close)
            self.events.equity_updated(close, dealer.account.equity)


def _day_closes(data: MarketData) -> deque[int]:
    """The open time of the last bar of each UTC day of the result."""
    moments = all_moments([bars.time for bars in data.bars.values()])
    days = moments // NS_PER_DAY
    last = np.append(days[1:] != days[:-1], True)
    return deque(int(moment) for moment in moments[last] if moment >= data.start_ns)
