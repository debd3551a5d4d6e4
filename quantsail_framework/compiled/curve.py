"""The equity curve of one symbol as the compiled loop draws it, and what is to be known of it once it is drawn.

The operations are those of ``engine.records`` and ``metrics.equity``, so that every float has the same bits. Where
nothing is held the curve does not move: such stretches cost next to nothing.
"""

from __future__ import annotations

from quantsail_framework.compiled.layout import ENTRY_I, EXIT_I, QUANTITY, SIDE
from quantsail_framework.compiled.reach import floats, ints, njit


@njit
def draw(run, lanes):
    """Equity at every close, how deep and how long it was below its peak, and at how many closes something was held.

    Of one symbol alone, whose fills are an entry and an exit in turns.
    """
    lane, whole, real = lanes[0], ints(run.trades_at), floats(run.trades_at)
    equity, cash = floats(run.equity_at), run.capital
    peak, trough, under, begin = cash, cash, False, 0
    run.deepest, run.longest_ns, run.n_exposed = 0.0, 0, 0
    i = 0
    for k in range(run.n_trades + 1):
        end = whole[ENTRY_I * run.most + k] if k < run.n_trades else run.n_moments
        if i < end:
            peak, trough, under, begin = meet(run, lane, cash, i, peak, trough, under, begin)
            for flat in range(i, end):
                equity[flat] = cash
        if k < run.n_trades:
            i = end
            paid, signed = floats(run.flow_cash_at)[2 * k], whole[SIDE * run.most + k] * real[QUANTITY * run.most + k]
            while i < whole[EXIT_I * run.most + k]:
                value = signed * floats(lane.close_at)[i]
                equity[i] = paid + value
                run.n_exposed += value != 0.0
                peak, trough, under, begin = meet(run, lane, paid + value, i, peak, trough, under, begin)
                i += 1
            cash = floats(run.flow_cash_at)[2 * k + 1]
    if under:
        end_drawdown(run, lane, peak, trough, begin, run.n_moments - 1)
    if run.deepest <= run.rounding:
        run.deepest = 0.0


@njit
def meet(run, lane, point, i, peak, trough, under, begin):
    """The curve is at ``point`` at the close of bar ``i``: its peak, the lowest since, whether it is below its peak and
    since when."""
    below = False
    if point < peak:
        # A division takes longer than all the rest: hardly any point is so near to the peak that it has to decide.
        below = point < peak - 2.0 * run.rounding * peak or 1.0 - point / peak > run.rounding
    if under and not below:
        end_drawdown(run, lane, peak, trough, begin, i)
    if point >= peak:
        return point, point, False, begin
    return peak, min(trough, point), below, begin if under else i


@njit
def end_drawdown(run, lane, peak, trough, begin, i):
    """The drawdown that was first seen at bar ``begin`` has lasted to the close of bar ``i``."""
    run.deepest = max(run.deepest, 1.0 - trough / peak)
    time = ints(lane.time_at)
    since = time[begin - 1] if begin > 0 else time[0] - run.bar_ns
    run.longest_ns = max(run.longest_ns, time[i] - since)
