"""Statistics of a list of trades. Money is in quote currency; every function takes one value per trade.

A winner has ``net_pnl`` > 0, a loser < 0; a trade of exactly zero is neither, but counts as a trade.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from quantsail_framework.domain.trade import FLATTEN, SIGNAL, TIME
from quantsail_framework.metrics.undefined import NO_BARS, NO_TRADES, ROUNDING, Undefined, Value, finite

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

NS_PER_HOUR = 3_600_000_000_000
BEST_TRADES = 5
_AT_THE_OPEN = frozenset((SIGNAL, TIME, FLATTEN))


def win_rate(net_pnl: Floats) -> Value:
    """Winners / trades: a fraction in [0, 1]. Undefined without trades."""
    if not net_pnl.size:
        return NO_TRADES
    return int(np.count_nonzero(net_pnl > 0)) / net_pnl.size


def profit_factor(net_pnl: Floats) -> Value:
    """Sum of the winners' net / |sum of the losers' net|: a ratio, >= 0; above 1 the trades earned money.

    0 without winners; Undefined without losers, where it would be infinite.
    Source: Kaufman, Trading Systems and Methods, 5th ed., 2013.
    """
    if not net_pnl.size:
        return NO_TRADES
    lost = -float(net_pnl[net_pnl < 0].sum())
    if lost == 0:
        return Undefined("no losing trade")
    return finite(float(net_pnl[net_pnl > 0].sum()) / lost)


def average_trade(net_pnl: Floats) -> Value:
    """Sum of net_pnl / trades: money, below zero when trades lose on average. Undefined without trades."""
    return finite(net_pnl.mean()) if net_pnl.size else NO_TRADES


def best_trade(net_pnl: Floats) -> Value:
    """The highest net_pnl: money; below zero when every trade lost. Undefined without trades."""
    return finite(net_pnl.max()) if net_pnl.size else NO_TRADES


def worst_trade(net_pnl: Floats) -> Value:
    """The lowest net_pnl: money; above zero when every trade won. Undefined without trades."""
    return finite(net_pnl.min()) if net_pnl.size else NO_TRADES


def best_trades_share(net_pnl: Floats, count: int = BEST_TRADES) -> Value:
    """Sum of the ``count`` highest net_pnl / sum of all: a fraction, above 1 where the others lost together.

    Near 1 a handful of trades made the result. 1 when there are no more than ``count``. Undefined without
    trades, and where they earned nothing together.
    """
    if not net_pnl.size:
        return NO_TRADES
    total = math.fsum(net_pnl.tolist())
    if total <= 0:
        return Undefined("no profit to share out")
    return finite(math.fsum(np.sort(net_pnl)[-count:].tolist()) / total)


def net_without_best(net_pnl: Floats, count: int = BEST_TRADES) -> Value:
    """Sum of net_pnl without the ``count`` highest: money, 0 when there are no more. Undefined without trades."""
    if not net_pnl.size:
        return NO_TRADES
    return finite(math.fsum(np.sort(net_pnl)[:-count].tolist()))


def expectancy(net_pnl: Floats, risk: Floats) -> Value:
    """Mean of net_pnl / risk, in R: what a trade earns per unit of money that its stop put at risk.

    0.1 means that a trade earned a tenth of its risk on average; below zero trades lose. ``risk`` is
    quantity * |reference price - stop| at the decision. Undefined without trades, or when a trade
    risked nothing. Source: Tharp, Trade Your Way to Financial Freedom, 2nd ed., 2007 (mean R multiple).
    """
    if not net_pnl.size:
        return NO_TRADES
    if not (risk > 0).all():
        return Undefined("a trade without risk has no R multiple")
    return finite((net_pnl / risk).mean())


def sqn(net_pnl: Floats) -> Value:
    """System quality number: sqrt(n) * mean(net_pnl) / sample deviation(net_pnl), n trades. No unit.

    Its sign is that of the mean; n is not capped. Undefined below two trades, and when all trades
    are equal (zero deviation). Source: Tharp, The Definitive Guide to Position Sizing, 2008, there
    over R multiples; over money it is the t-statistic of the mean trade.
    """
    if net_pnl.size < 2:
        return Undefined("fewer than two trades")
    deviation = float(net_pnl.std(ddof=1))
    if deviation <= ROUNDING * float(np.abs(net_pnl).max()):
        return Undefined("all trades earned the same")
    return finite(math.sqrt(net_pnl.size) * float(net_pnl.mean()) / deviation)


def average_holding_hours(
    entry_time: Integers, exit_time: Integers, exit_reason: npt.NDArray[np.object_], timeframe_ns: int
) -> Value:
    """Mean hours from the entry to the exit; > 0. Undefined without trades.

    Entries are at a bar's open. Signal, time and flatten exits are at the open of the exit bar; any
    other exit counts to the close of its bar, because the moment inside the bar is not known.
    Times in nanoseconds.
    """
    if not entry_time.size:
        return NO_TRADES
    reasons = exit_reason.tolist()
    inside = len(reasons) - sum(map(reasons.count, {*reasons} & _AT_THE_OPEN))
    total = int((exit_time - entry_time).sum()) + inside * timeframe_ns
    return finite(total / entry_time.size / NS_PER_HOUR)


def turnover(entry_notional: Floats, exit_notional: Floats, equity: Floats) -> Value:
    """(Sum of entry notional + sum of exit notional) / mean equity over all bars: a multiple, >= 0.

    Over the whole run, not per year: 10 means that ten times the average equity was bought or sold.
    0 without trades; Undefined without bars or when the mean equity is not above zero.
    """
    if not equity.size:
        return NO_BARS
    mean = float(equity.mean())
    if mean <= 0:
        return Undefined("mean equity is not above zero")
    return finite((float(entry_notional.sum()) + float(exit_notional.sum())) / mean)
