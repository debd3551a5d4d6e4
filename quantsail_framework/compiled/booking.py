"""What the compiled loop books, as ``engine.account`` does: money, figures of the day, positions, trades, refusals."""

from __future__ import annotations

from math import isfinite, isnan

from quantsail_framework.compiled.reach import call, floats, ints, njit


@njit
def pay(run, fill, side, quantity, price, maker):
    """What a fill costs in all; its parts are in ``fill``."""
    fill.side, fill.quantity, fill.price, fill.maker = side, quantity, price, 1.0 if maker else 0.0
    call(run.costs_at, floats(run.cost_numbers_at), fill, fill, fill)
    total = fill.fee + fill.spread + fill.slippage
    if not isfinite(total):
        run.failed = 1
    return total


@njit
def roll_over(run, account, now):
    """Time is ``now``; a new trading day starts its figures anew."""
    ends = ints(run.day_ends_at)
    if now >= ends[run.day]:
        while now >= ends[run.day]:
            run.day += 1
        account.trades_today = 0.0
        account.realised_today = 0.0


@njit
def day_start(run):
    """When the trading day began."""
    return ints(run.day_ends_at)[run.day - 1]


@njit
def mark(run, account, lanes, at_open):
    """Value every position at its last close; ``at_open``: the bar that lanes have now has not closed."""
    held = ints(run.held_at)
    equity = account.cash
    gross = shorts = 0.0
    for h in range(run.n_held):
        lane = lanes[held[h]]
        i = lane.i - (lane.awake if at_open else 0)
        value = lane.quantity * floats(lane.close_at)[i]
        gross += value
        if lane.side > 0:
            equity += value
        else:
            equity -= value
            shorts += value
    account.equity, run.short_gross = equity, shorts
    account.available = account.cash - 2.0 * shorts - run.held_back
    account.exposure = gross + run.held_back


@njit
def refuse(run, refusals, k, lane, rule, limit, value, price):
    """Keep a refusal of the lane's signal."""
    row = refusals[run.n_refusals]
    row.lane, row.signal_i, row.side, row.rule, row.bound_by = k, lane.signal_i, lane.side, rule, lane.bound_by
    row.limit, row.value, row.price = limit, value, price
    run.n_refusals += 1


@njit
def let_go(run, lane):
    """The order waits no longer: what it held back is free. Returns its notional."""
    lane.ordered = 0
    run.n_pending -= 1
    notional = lane.quantity * lane.price
    run.held_back = run.held_back - notional if run.n_pending > 0 else 0.0
    return notional


@njit
def drop(run, account, refusals, k, lane, rule, limit, value, price):
    """An accepted entry will not fill: its day, if it is still that day, gets its count back."""
    notional = let_go(run, lane)
    account.available += notional
    account.exposure -= notional
    account.open_count -= 1.0
    if ints(lane.time_at)[lane.signal_i] + run.bar_ns >= day_start(run):
        account.trades_today -= 1.0
    refuse(run, refusals, k, lane, rule, limit, value, price)


@njit
def note_cash(run, account, t):
    """Cash has changed in the bar that opens at ``t``."""
    ints(run.flow_times_at)[run.n_flow] = t
    floats(run.flow_cash_at)[run.n_flow] = account.cash
    run.n_flow += 1


@njit
def begin_position(run, account, fill, k, lane, price, paid, t):
    """Book a filled entry."""
    let_go(run, lane)
    ints(run.held_at)[run.n_held] = k
    run.n_held += 1
    lane.positioned, lane.entry_i, lane.entry_price, lane.trailed = 1, lane.i, price, 0
    lane.changing = not isnan(lane.trail) or lane.max_bars > 0 or lane.exit_at != 0
    lane.fee, lane.spread, lane.slippage, lane.paid = fill.fee, fill.spread, fill.slippage, paid
    if lane.side < 0:
        run.n_shorts += 1
    account.cash = account.cash - (lane.side * lane.quantity * price + paid)
    note_cash(run, account, t)


@njit
def note_trade(run, whole, real):
    """Keep a closed trade: a word in each column, see TRADE_WHOLE and TRADE_REAL."""
    at = run.n_trades
    for value in whole:
        ints(run.trades_at)[at] = value
        at += run.most
    for value in real:
        floats(run.trades_at)[at] = value
        at += run.most
    run.n_trades += 1


@njit
def end_position(run, account, lanes, fill, k, price, maker, reason, ambiguous, at_close, t):
    """Book the end of a position."""
    lane = lanes[k]
    paid = pay(run, fill, -lane.side, lane.quantity, price, maker)
    signed = lane.side * lane.quantity
    net = signed * (price - lane.entry_price) - lane.paid - paid
    account.cash = account.cash + (signed * price - paid)
    note_cash(run, account, t)
    if t >= day_start(run):
        account.realised_today += net
    whole = (k, lane.side, lane.signal_i, lane.entry_i, lane.i, reason, int(ambiguous), at_close, lane.bound_by)
    asked = (lane.quantity, lane.level, lane.target, lane.confidence, lane.equity, lane.risk)
    costs = (lane.fee, lane.spread, lane.slippage, fill.fee, fill.spread, fill.slippage)
    note_trade(run, whole, asked + (lane.entry_price, price, net) + costs)  # noqa: RUF005  # numba unpacks none
    held = ints(run.held_at)
    h = 0
    while held[h] != k:
        h += 1
    run.n_held -= 1
    for rest in range(h, run.n_held):
        held[rest] = held[rest + 1]
    lane.positioned = lane.leaving = lane.max_bars = 0
    account.open_count -= 1.0
    if lane.side < 0:
        run.n_shorts -= 1
    if run.n_held == 0:
        account.equity = account.cash
        account.exposure = run.held_back
        account.available = account.cash - run.held_back
