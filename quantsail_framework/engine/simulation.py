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
        self.agenda: list[tuple[int, int]] = [(_NEVER, _CLOCK)]
        self.bar_ns = data.timeframe.ns
        strategy: Any = pipeline.strategy
        self.strategy = strategy
        self.by_bar = is_bar_strategy(strategy)
        self.every_bar = self.by_bar or dealer.watchdog.every_bar
        self.events = events
        self.day_closes = _day_closes(data) if events is not None else deque[int]()
        if self.by_bar:
            for lane in self.lanes:
                lane.prepared = self.strategy.prepare(lane.bars)

    def run(self, progress: Progress | None, cancelled: Any) -> None:  # noqa: C901, PLR0915
        """Visit every moment at which something can happen, oldest first.

        One visible loop, with what every trade goes through written out in place: that is what makes it fast.
        What is rare is asked of the dealer, which knows the rules in full.
        """
        dealer, lanes, agenda, bar_ns, day_closes = self.dealer, self.lanes, self.agenda, self.bar_ns, self.day_closes
        account, desk, market, watchdog = dealer.account, dealer.desk, dealer.market, dealer.watchdog
        trades, positions, by_bar, every_bar = account.trades, account.positions, self.by_bar, self.every_bar
        watched, watched_bars, every_equity = watchdog.awake, watchdog.every_bar, watchdog.every_equity
        expiry_ns = watchdog.first_expiry_ns
        nobody: Sequence[Lane] = ()
        awake: Sequence[Lane]
        step: bool
        self.plan(every_bar)
        stepping, visits = every_bar, 0
        t, k = heappop(agenda)
        while t < _NEVER:
            sole = k != _CLOCK and agenda[0][0] != t
            if sole:
                lane = lanes[k]
                lane.i = i = lane.wake_i
                awake = lane.alone
                free = lane.order is None and lane.position is None
            else:
                awake = self.gather(t, k)
                free = False
            visits += 1
            if not visits % _REPORT_EVERY:
                self.report(t, progress, cancelled)
            if day_closes:
                self.tell_days(t)

            # 1. Open and 2. inside the bar, for those that wait or hold.
            ended = False
            if not free:
                closed = len(trades)
                market.now_ns = account.now_ns = t
                if t >= account.day_end_ns:
                    account.at(t)
                if not sole or lane.leaving is not None or lane.tradable is not None or i == lane.last:
                    dealer.trade(awake, t)
                else:  # the same for what most moments are: one lane, in which nothing else is due
                    order = lane.order
                    if order is not None:
                        dealer.fill_entry(lane, order, t)
                    position = lane.position
                    if position is not None:
                        if lane.touch_i <= i:
                            dealer.touch(lane, position, t)
                        elif lane.patient and not (stepping or account.shorts or every_equity or account.cash <= 0.0):
                            # Nothing can happen before a level is touched: on to the next moment.
                            lane.wake_i = i = lane.touch_i
                            t, k = heappushpop(agenda, (lane.time[i], k))
                            continue
                free = sole and lane.order is None and lane.position is None
                ended = len(trades) > closed

            # 3. Close: mark, ruin, trailing stops, breakers; then what is decided.
            market.now_ns = account.now_ns = close = t + bar_ns
            if close >= account.day_end_ns:
                account.at(close)
            if not sole or by_bar:
                candidates = self.candidates(awake)
            elif free:
                if lane.signal_i < i:
                    lane.seek_signal(i)
                candidates = awake if lane.signal_i == i else nobody
            else:
                candidates = nobody
            watching = watched and (ended or close >= expiry_ns or watched_bars or bool(every_equity and positions))
            risky = every_equity or account.shorts or account.cash <= 0.0
            step = every_bar or bool(risky and self.must_watch_equity())
            everyone = step and not stepping
            if candidates or watching or step:
                if positions:
                    dealer.mark(t, awake[0].i if awake else -1)
                if account.equity <= 0.0 and not desk.ruined:
                    dealer.ruin(t)
                    everyone, awake = True, self.wake_all(t)
                    candidates = self.candidates(awake)  # whoever was closed is free to signal at this very close
                if dealer.trailing:
                    dealer.trail(t)
                if watching:
                    everyone |= dealer.trip_breakers(t, ended)
                    if watchdog.first_expiry_ns != expiry_ns:
                        expiry_ns = watchdog.first_expiry_ns
                        self.schedule(expiry_ns)
            rows = self.ask_bar_strategy(awake) if by_bar else None
            for lane in nobody if free else awake:
                if lane.position is not None and not lane.patient:
                    dealer.decide_exit(lane, lane.exit_flag(rows))
            for lane in candidates:
                row = lane.row(rows)
                if row is not None and row[0] and lane.order is None and lane.position is None:
                    i = lane.i
                    lane.order = desk.decide(lane.instrument, lane.close[i], lane.time[i], row)

            # When each lane is to be looked at next.
            stepping = step
            if sole and not everyone:
                lane.wake_i = i = lane.plan(step)
                t, k = heappushpop(agenda, (lane.time[i], k)) if i >= 0 else heappop(agenda)
                continue
            if everyone:
                self.wake_all(t)
                self.plan(step)
            else:
                for lane in awake:
                    lane.wake_i = i = lane.plan(step)
                    if i >= 0:
                        heappush(agenda, (lane.time[i], lane.index))
            t, k = heappop(agenda)
        self.tell_days(None)

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
        """The lanes that may decide an entry at this close."""
        if self.by_bar:
            return [lane for lane in awake if lane.may_decide()]
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
