"""The backtest: trading rules applied from event to event, skipping the bars in which nothing can happen.

Signals are columns known beforehand but read only at their own close. A lane sleeps until the next
bar that can matter to it: a candidate entry, a waiting order's open, a touched level, an exit flag,
the end of ``max_bars`` or of the data. Nothing in between changes what is decided, so the result is
that of looking at every bar, which ``trader`` does and the tests compare.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Sequence
from heapq import heappop, heappush
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
from quantsail_framework.engine.watchdog import Watchdog
from quantsail_framework.errors import ComponentError
from quantsail_framework.ports.observer import Events
from quantsail_framework.ports.runner import Pipeline, Progress
from quantsail_framework.ports.strategy import BarView

_REPORT_EVERY = 1_024  # moments between two looks at progress and cancellation
_CLOCK = -1  # agenda entry that belongs to no lane


def simulate(
    pipeline: Pipeline,
    data: MarketData,
    *,
    both_touched: str = "stop_first",
    events: Events | None = None,
    progress: Progress | None = None,
    cancelled: Any = None,
) -> Simulation:
    """Run ``pipeline`` over ``data`` and return its tables.

    ``both_touched``: ``stop_first`` or ``target_first``, when one bar touches stop and target.
    Raises AccountingError when money does not add up, ComponentError when a component breaks its
    port, KeyboardInterrupt when ``cancelled()`` turns true.
    """
    prepare = getattr(pipeline.costs, "prepare", None)
    market = ClosedMarket(data.bars, data.timeframe, prepare_costs(prepare, data))
    dealer = make_dealer(pipeline, data, market, both_touched, events)
    _Jumper(pipeline, data, dealer, events).run(progress, cancelled)
    return record(dealer.account, dealer.desk.refusals, data)


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
    signals: bool = True,
) -> Dealer:
    """Account, desk, watchdog and one lane per symbol, wired for one run; ``signals``: compute them for all bars."""
    account = Account(pipeline.capital, TradingDay(pipeline.timezone))
    watchdog = Watchdog(pipeline.risk, account, data.start_ns)
    desk = Desk(account, market, pipeline.sizer, pipeline.costs, pipeline.risk, watchdog, events)
    lanes = [
        Lane(
            k,
            bars,
            data.instruments[symbol],
            data.first(symbol),
            _columns(pipeline.strategy, bars) if signals else None,
        )
        for k, (symbol, bars) in enumerate(data.bars.items())
    ]
    return Dealer(lanes, account, desk, market, watchdog, events, both_touched == "target_first")


def _columns(strategy: Any, bars: Any) -> SignalColumns | None:
    return None if is_bar_strategy(strategy) else signal_columns(strategy, bars)


class _Jumper:
    """The agenda of moments at which something can happen, and the loop over it."""

    def __init__(self, pipeline: Pipeline, data: MarketData, dealer: Dealer, events: Events | None) -> None:
        self.dealer = dealer
        self.lanes = dealer.lanes
        self.agenda: list[tuple[int, int]] = []
        self.bar_ns = data.timeframe.ns
        strategy: Any = pipeline.strategy
        self.strategy = strategy if is_bar_strategy(strategy) else None
        self.every_bar = self.strategy is not None or dealer.watchdog.every_bar
        self.events = events
        self.day_closes = _day_closes(data) if events is not None else deque[int]()
        if self.strategy is not None:
            for lane in self.lanes:
                lane.prepared = self.strategy.prepare(lane.bars)

    def run(self, progress: Progress | None, cancelled: Any) -> None:
        """Visit every moment at which something can happen, oldest first."""
        dealer, account, watchdog = self.dealer, self.dealer.account, self.dealer.watchdog
        self.plan(self.lanes, self.every_bar)
        visits, stepping = 0, self.every_bar
        while self.agenda:
            t, awake = self.next_moment()
            visits += 1
            if visits % _REPORT_EVERY == 0:
                self.report(t, progress, cancelled)
            if self.day_closes:
                self.tell_days(t)
            closed = len(account.trades)
            dealer.trade(awake, t)
            ended = len(account.trades) > closed
            candidates = self.candidates(awake)
            watching = watchdog.awake and (ended or watchdog.due())
            risky = account.shorts > 0 or account.cash <= 0.0 or watchdog.every_equity
            step = self.every_bar or (risky and self.must_watch_equity())
            everyone = step and not stepping
            if candidates or watching or step:
                ruined = dealer.desk.ruined
                everyone |= dealer.settle(t, ended, watching)
                if dealer.desk.ruined and not ruined:  # whoever was closed is free to signal at this very close
                    awake = self.wake_all(t)
                    candidates = self.candidates(awake)
                if watching:
                    self.schedule_expiries()
            rows = self.ask_bar_strategy(awake) if self.strategy is not None else None
            for lane in awake:
                if lane.position is not None and (lane.max_bars or lane.may_exit):
                    dealer.decide_exit(lane, lane.exit_flag(rows))
            for lane in candidates:
                row = lane.row(rows)
                if row is not None and row.entry:
                    dealer.decide_entry(lane, row)
            self.plan_all(t, step) if everyone else self.plan(awake, step)
            stepping = step
        self.tell_days(None)

    # The agenda.

    def plan(self, lanes: Sequence[Lane], step: bool) -> None:
        """Enter each lane's next bar in the agenda."""
        agenda = self.agenda
        for lane in lanes:
            lane.wake_i = i = lane.plan(step)
            if i >= 0:
                lane.wake_ns = t = lane.time[i]
                heappush(agenda, (t, lane.index))
            else:
                lane.wake_ns = -1

    def plan_all(self, time_ns: int, step: bool) -> None:
        """Plan every lane anew from the moment ``time_ns``, those that slept through it too."""
        self.wake_all(time_ns)
        self.plan(self.lanes, step)

    def wake_all(self, time_ns: int) -> list[Lane]:
        """Move every lane to its last bar by ``time_ns``; returns those with a bar at that moment."""
        for lane in self.lanes:
            lane.i = bisect_right(lane.time, time_ns) - 1
        return [lane for lane in self.lanes if lane.i >= 0 and lane.time[lane.i] == time_ns]

    def next_moment(self) -> tuple[int, Sequence[Lane]]:
        """The next moment, and the lanes that wake up at it, in pipeline order."""
        agenda, lanes = self.agenda, self.lanes
        t, k = heappop(agenda)
        awake: Sequence[Lane] = ()
        while True:
            if k >= 0 and lanes[k].wake_ns == t:  # else the entry is stale, or the clock's own
                lane = lanes[k]
                lane.i, lane.wake_ns = lane.wake_i, -1
                awake = (*awake, lane) if awake else lane.alone
            if not agenda or agenda[0][0] != t:
                return t, awake
            _, k = heappop(agenda)

    def schedule_expiries(self) -> None:
        """Visit the first close at or after each trip's end: that is where its breaker counts anew."""
        for trip in self.dealer.watchdog.in_force():
            opens = trip.until_ns - self.bar_ns
            found = [(lane, bisect_left(lane.time, opens)) for lane in self.lanes]
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

    def candidates(self, awake: Sequence[Lane]) -> list[Lane]:
        """The lanes that may decide an entry at this close."""
        found = []
        for lane in awake:
            if self.strategy is not None:
                if lane.may_decide():
                    found.append(lane)
            elif lane.position is None and lane.order is None and lane.may_signal():
                found.append(lane)
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
