"""The trading rules as one loop over bars, in the part of Python that numba compiles.

What ``engine.trader`` does, step by step and operation by operation, so that every float has the same bits. It
allocates nothing and raises nothing: where something is out of the ordinary it gives up, and the plain engine runs
instead and says what is wrong. Imported by ``entries`` alone, to be compiled.
"""

from __future__ import annotations

from math import inf, isfinite, isnan, nan

from numba import carray, from_dtype, types

from quantsail_framework.compiled.booking import (
    begin_position,
    drop,
    end_position,
    mark,
    pay,
    refuse,
    roll_over,
)
from quantsail_framework.compiled.curve import draw
from quantsail_framework.compiled.layout import (
    ANSWER,
    CASH,
    DATA_ENDED,
    END,
    FILL,
    GAPPED,
    LANE,
    LEVELS,
    MIN_NOTIONAL,
    REFUSAL,
    RULE,
    RUN,
    SIGNALLED,
    SIZER,
    STOPPED,
    TIMED,
    TRAILED,
    WON,
)
from quantsail_framework.compiled.reach import call, ceil_to, flags, floats, floor_to, ints, njit
from quantsail_framework.ports.compiled import ACCOUNT, REQUEST

_NEVER = 2**63 - 1


@njit
def gap(lane, price):
    """The level that the open has already reached; NaN when it has not. No target is NaN, which nothing reaches."""
    if lane.side > 0:
        if price <= lane.stop:
            return lane.stop
        return lane.target if price >= lane.target else nan
    if price >= lane.stop:
        return lane.stop
    return lane.target if price <= lane.target else nan


@njit
def fill_entry(run, account, lanes, refusals, fill, k, t):
    """The entry meets this open: it fills, or is refused."""
    lane = lanes[k]
    price = floats(lane.open_at)[lane.i]
    paid = pay(run, fill, lane.side, lane.quantity, price, False)
    level = gap(lane, price)
    if not isnan(level):
        drop(run, account, refusals, k, lane, GAPPED, level, price, price)
        return
    value, limit = lane.quantity * price + fill.fee + fill.spread + fill.slippage, account.cash
    if run.n_shorts > 0 or run.n_pending > 1:
        if run.n_shorts > 0:
            mark(run, account, lanes, True)
        others = run.held_back - lane.quantity * lane.price if run.n_pending > 1 else 0.0
        limit = account.cash - (2.0 * run.short_gross if run.n_shorts > 0 else 0.0) - others
    if not value <= limit:
        drop(run, account, refusals, k, lane, CASH, limit, value, price)
        return
    begin_position(run, account, fill, k, lane, price, paid, t)


@njit
def touch(run, account, lanes, fill, k, t):
    """The position's levels meet this bar."""
    lane = lanes[k]
    i = lane.i
    price, high, low = floats(lane.open_at)[i], floats(lane.high_at)[i], floats(lane.low_at)[i]
    long = lane.side > 0
    stopped = low <= lane.stop if long else high >= lane.stop
    won = high >= lane.target if long else low <= lane.target
    if stopped and not (won and run.target_first):
        if (price > lane.stop) if long else (price < lane.stop):
            price = lane.stop
        reason = TRAILED if lane.trailed else STOPPED
        end_position(run, account, lanes, fill, k, price, False, reason, won, 0, t)
    elif won:
        if (price < lane.target) if long else (price > lane.target):
            price = lane.target
        end_position(run, account, lanes, fill, k, price, True, WON, stopped, 0, t)


@njit
def can_trade(lane):
    """Whether this bar can decide, fill and be touched."""
    return lane.tradable_at == 0 or flags(lane.tradable_at)[lane.i] != 0


@njit
def has_signal(lane):
    """Whether this bar has an entry signal that may be decided: then it is that of ``entry_row``."""
    rows, at = ints(lane.entry_rows_at), lane.entry_row
    while at < lane.n_entries and rows[at] < lane.i:
        at += 1
    lane.entry_row = at
    return at < lane.n_entries and rows[at] == lane.i and lane.first <= lane.i < lane.last and can_trade(lane)


@njit
def trade_bar(run, account, lanes, refusals, fill, t):
    """Open, and inside the bar: market exits before entries, then levels, then symbols whose data end here."""
    for k in range(run.n_lanes):
        lane = lanes[k]
        if lane.awake and lane.leaving and can_trade(lane):
            price = floats(lane.open_at)[lane.i]
            end_position(run, account, lanes, fill, k, price, False, lane.leaving, 0, 0, t)
    for k in range(run.n_lanes):
        lane = lanes[k]
        if lane.awake and lane.ordered and can_trade(lane):
            fill_entry(run, account, lanes, refusals, fill, k, t)
    for k in range(run.n_lanes):
        lane = lanes[k]
        if lane.awake and lane.positioned and can_trade(lane):
            touch(run, account, lanes, fill, k, t)
    for k in range(run.n_lanes):
        lane = lanes[k]
        if lane.awake and lane.i == lane.last:
            if lane.ordered:
                drop(run, account, refusals, k, lane, END, nan, nan, lane.price)
            elif lane.positioned:
                price = floats(lane.close_at)[lane.i]
                end_position(run, account, lanes, fill, k, price, False, DATA_ENDED, 0, 1, t)


@njit
def trail(run, lane):
    """Move the trailing stop by this close."""
    close = floats(lane.close_at)[lane.i]
    if lane.side > 0:
        level = floor_to(run, close - lane.trail, lane.tick, lane.tick_per)
        better = level > lane.stop
    else:
        level = ceil_to(run, close + lane.trail, lane.tick, lane.tick_per)
        better = level < lane.stop
    if better:
        lane.stop, lane.trailed = level, 1


@njit
def watch(run, account, rules, answer, now):
    """A trade has ended: it may trip the breakers that are not tripped."""
    for r in range(run.n_rules):
        rule = rules[r]
        if rule.trip_at == 0 or now < rule.until_ns:
            continue
        if call(rule.trip_at, floats(rule.numbers_at), account, account, answer):
            until = now + rule.lasts_ns if rule.lasts_ns > 0 else ints(run.day_ends_at)[run.day]
            rule.until_ns, rule.limit, rule.value = until, answer.first, answer.second


@njit
def leave(lane):
    """An exit flag, or the end of ``max_bars``, closes the position at the next open."""
    if lane.leaving or not can_trade(lane):
        return
    if lane.exit_at != 0 and lane.first <= lane.i < lane.last and flags(lane.exit_at)[lane.i] != 0:
        lane.leaving = SIGNALLED
    elif 0 < lane.max_bars <= lane.i - lane.entry_i + 1:
        lane.leaving = TIMED


@njit
def said(column, one, at):
    """What a column says of an entry, or what is said of all."""
    return one if column == 0 else floats(column)[at]


@njit
def levels_hold(lane):
    """Whether the levels lie on their sides of the close, and the confidence is one. NaN never holds, but no target is
    NaN."""
    price, stop, target = lane.price, lane.stop, lane.target
    if lane.side == 1:
        holds = 0.0 < stop < price and (isnan(target) or price < target < inf)
    else:
        holds = price < stop < inf and (isnan(target) or 0.0 < target < price)
    return holds and 0.0 <= lane.confidence <= 1.0


@njit
def read_signal(run, lane):
    """What the strategy says of this bar, levels on the tick."""
    i, at = lane.i, lane.entry_row
    lane.signal_i, lane.side, lane.price, lane.bound_by = i, flags(lane.entry_at)[at], floats(lane.close_at)[i], 0
    stop, target = floats(lane.stop_at)[at], said(lane.target_at, lane.one_target, at)
    if lane.tick != 0.0 and isfinite(stop) and (isnan(target) or isfinite(target)):
        if lane.side > 0:
            stop = floor_to(run, stop, lane.tick, lane.tick_per)
            target = target if isnan(target) else floor_to(run, target, lane.tick, lane.tick_per)
        else:
            stop = ceil_to(run, stop, lane.tick, lane.tick_per)
            target = target if isnan(target) else ceil_to(run, target, lane.tick, lane.tick_per)
    lane.stop, lane.level, lane.target = stop, stop, target
    lane.confidence = said(lane.confidence_at, lane.one_confidence, at)
    lane.trail = said(lane.trail_at, lane.one_trail, at)
    lane.max_bars = lane.one_max_bars if lane.max_bars_at == 0 else ints(lane.max_bars_at)[at]


@njit
def size(run, account, lane, request, answer):
    """The quantity of the lane's signal, on the lot."""
    request.side, request.price, request.stop, request.target = lane.side, lane.price, lane.stop, lane.target
    request.confidence = lane.confidence
    request.quantity = request.notional = request.risk = request.entry_costs = request.target_costs = 0.0
    lane.bound_by = call(run.sizer_at, floats(run.sizer_numbers_at), request, account, answer)
    quantity = answer.first
    if not 0.0 <= quantity < inf:
        run.failed = 1
    return floor_to(run, quantity, lane.lot, lane.lot_per)


@njit
def decide(run, account, lanes, rules, refusals, fill, request, answer, k, now):
    """From the signal of this bar to an order, or to the first refusal."""
    lane = lanes[k]
    read_signal(run, lane)
    price = lane.price
    if not levels_hold(lane):
        refuse(run, refusals, k, lane, LEVELS, lane.stop, price, price)
        return
    quantity = size(run, account, lane, request, answer)
    notional = quantity * price
    if notional < run.sizer_min_notional or notional < lane.min_notional or quantity <= 0.0:
        if quantity <= 0.0:
            refuse(run, refusals, k, lane, SIZER, nan, quantity, price)
        else:
            refuse(
                run, refusals, k, lane, MIN_NOTIONAL, max(run.sizer_min_notional, lane.min_notional), notional, price
            )
        return
    risk = quantity * (price - lane.stop if lane.side == 1 else lane.stop - price)
    request.quantity, request.notional, request.risk = quantity, notional, risk
    request.entry_costs = pay(run, fill, lane.side, quantity, price, False)
    request.target_costs = nan if isnan(lane.target) else pay(run, fill, -lane.side, quantity, lane.target, True)
    for r in range(run.n_rules):
        rule = rules[r]
        if now < rule.until_ns:
            refuse(run, refusals, k, lane, r, rule.limit, rule.value, price)
            return
        if call(rule.check_at, floats(rule.numbers_at), request, account, answer):
            refuse(run, refusals, k, lane, r, answer.first, answer.second, price)
            return
    lane.ordered, lane.quantity, lane.equity, lane.risk = 1, quantity, account.equity, risk
    run.n_pending += 1
    run.held_back += notional
    account.available -= notional
    account.exposure += notional
    account.trades_today += 1.0
    account.open_count += 1.0


@njit
def decide_all(run, account, lanes, rules, refusals, fill, request, answer, now):
    """The entry signals of this close, of lanes that are free."""
    for k in range(run.n_lanes):
        lane = lanes[k]
        if lane.awake and has_signal(lane) and not (lane.ordered | lane.positioned):
            decide(run, account, lanes, rules, refusals, fill, request, answer, k, now)


@njit
def is_met(lane):
    """Whether the position may end in this bar: its levels are touched, it is leaving, or its data end."""
    high, low = floats(lane.high_at)[lane.i], floats(lane.low_at)[lane.i]
    below, above = (lane.stop, lane.target) if lane.side > 0 else (lane.target, lane.stop)
    return low <= below or high >= above or lane.leaving != 0 or lane.i == lane.last


@njit
def is_risky(run, account):
    """Whether a close could ruin the account, so that every one is looked at: long positions and cash cannot."""
    return run.n_held > 0 and (run.n_shorts > 0 or account.cash <= 0.0)


@njit
def arrive(lanes, run, t):
    """Move every lane that has a bar at ``t`` to it.

    How many of these may trade in it, have a position that its close may change, and may decide an entry signal.
    """
    busy = changing = signals = 0
    for k in range(run.n_lanes):
        lane = lanes[k]
        i = lane.i + 1
        lane.awake = 0
        if i > lane.last or ints(lane.time_at)[i] != t:
            continue
        lane.awake, lane.i = 1, i
        if lane.positioned:
            met = is_met(lane)
            busy += met
            changing += lane.changing
            signals += met and has_signal(lane)
        else:
            busy += lane.ordered
            signals += has_signal(lane)
    return busy, changing, signals


@njit
def entry_after(lane):
    """The next bar with an entry signal; past the last where there is none."""
    rows, at = ints(lane.entry_rows_at), lane.entry_row
    while at < lane.n_entries and rows[at] <= lane.i:
        at += 1
    lane.entry_row = at
    return rows[at] if at < lane.n_entries else lane.last + 1


@njit
def end_after(lane):
    """The next bar in which the position may end."""
    high, low = floats(lane.high_at), floats(lane.low_at)
    below, above = (lane.stop, lane.target) if lane.side > 0 else (lane.target, lane.stop)
    i = lane.i + 1
    while i < lane.last and lane.leaving == 0 and not (low[i] <= below or high[i] >= above):
        i += 1
    return i


@njit
def entry_moment(run, lanes, moments, m):
    """The next moment, from ``m`` on, with an entry signal; lanes move up to it."""
    soonest = _NEVER
    for k in range(run.n_lanes):
        i = entry_after(lanes[k])
        if i <= lanes[k].last:
            soonest = min(soonest, ints(lanes[k].time_at)[i])
    while m < run.n_moments and moments[m] < soonest:
        m += 1
    for k in range(run.n_lanes):
        lane = lanes[k]
        time = ints(lane.time_at)
        while lane.i < lane.last and time[lane.i + 1] < soonest:
            lane.i += 1
    return m


@njit
def next_moment(run, account, lanes, moments, m):
    """The next moment after ``m`` at which something can happen, or an earlier one; lanes move up to it."""
    waiting = run.n_held + run.n_pending
    if run.n_lanes > 1:
        return m + 1 if waiting else entry_moment(run, lanes, moments, m + 1)
    lane = lanes[0]  # whose bars are the moments
    if waiting == 0:
        m = entry_after(lane)
    elif lane.ordered or lane.changing or is_risky(run, account):
        m += 1
    else:
        m = end_after(lane)
    lane.i = m - 1
    return m


@njit
def close_bar(run, lanes):
    """What the close does to open positions: trailing stops, and who leaves at the next open."""
    for k in range(run.n_lanes):
        lane = lanes[k]
        if lane.awake and lane.positioned and lane.changing:
            if not isnan(lane.trail):
                trail(run, lane)
            leave(lane)


def simulate(run_at, account_at, lanes_at, rules_at, refusals_at, fill_at, request_at, answer_at):
    """One moment after the other: open, inside the bar, close. 0 when all is well."""
    run, account, fill = carray(run_at, 1)[0], carray(account_at, 1)[0], carray(fill_at, 1)[0]
    request, answer = carray(request_at, 1)[0], carray(answer_at, 1)[0]
    lanes, rules = carray(lanes_at, run.n_lanes), carray(rules_at, run.n_rules)
    refusals = carray(refusals_at, 1)
    moments = ints(run.moments_at)
    m = -1
    while True:
        m = next_moment(run, account, lanes, moments, m)
        if m >= run.n_moments:
            break
        t = moments[m]
        busy, changing, signals = arrive(lanes, run, t)
        risky = is_risky(run, account)
        if not (busy or changing or signals or risky):
            continue
        ended = False
        if busy:
            before = run.n_trades
            roll_over(run, account, t)
            trade_bar(run, account, lanes, refusals, fill, t)
            ended = run.n_trades > before
        now = t + run.bar_ns
        roll_over(run, account, now)
        if run.n_held > 0 and (busy or signals or risky):
            mark(run, account, lanes, False)
        if account.equity <= 0.0:
            return 1
        if ended:
            watch(run, account, rules, answer, now)
        if changing or busy:
            close_bar(run, lanes)
        if signals:
            decide_all(run, account, lanes, rules, refusals, fill, request, answer, now)
        if run.failed:
            return 1
    if run.equity_at != 0:
        draw(run, lanes)
    return 0


SIGNATURE = types.int64(
    *(types.CPointer(from_dtype(kind)) for kind in (RUN, ACCOUNT, LANE, RULE, REFUSAL, FILL, REQUEST, ANSWER))
)
