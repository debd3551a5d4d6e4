"""Statistics of an equity curve: one point per bar, known at the bar's close, ``time`` its open (ns UTC, rising).

The curve starts from ``capital`` (> 0) at the open of the first bar. Returns are simple returns between
the last points of UTC days; a point belongs to the day of its bar's open, days without bars are skipped.
"""

from __future__ import annotations

import math
import weakref
from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt

from quantsail_framework.domain.timeframe import NS_PER_DAY
from quantsail_framework.metrics.undefined import NO_BARS, ROUNDING, Undefined, Value, finite

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

# The last answer about days of times that cannot change: a run asks three times, and each trial over one symbol again.
_asked: tuple[weakref.ref[Integers], tuple[Integers, Integers]] | None = None

DAYS_PER_YEAR = 365.25
TRADING_DAYS_PER_YEAR = 252
CALENDAR_DAYS_PER_YEAR = 365
# Growth is not annualised from less: an hour's return to the power of 8,766 says nothing.
SHORTEST_SPAN_DAYS = 1.0
_LARGEST_EXPONENT = 700.0  # exp() overflows a little above it


def span_days(time: Integers, timeframe_ns: int) -> float:
    """Days from the open of the first bar to the close of the last; 0 without bars."""
    if not time.size:
        return 0.0
    return (int(time[-1]) - int(time[0]) + timeframe_ns) / NS_PER_DAY


def cagr(final_equity: float, capital: float, days: float) -> Value:
    """Compound annual growth rate: (final_equity / capital) ** (365.25 / days) - 1, a fraction a year.

    0 when nothing was earned; -1 when the equity ended at or below zero, for no rate expresses a
    debt. Undefined below one day. Source: Bacon, Practical Portfolio Performance Measurement and
    Attribution, 2nd ed., 2008.
    """
    if days < SHORTEST_SPAN_DAYS:
        return Undefined(f"the run spans {days * 24:.1f} hours, too short to annualise")
    if final_equity <= 0:
        return -1.0
    exponent = (math.log(final_equity) - math.log(capital)) * DAYS_PER_YEAR / days
    if exponent > _LARGEST_EXPONENT:
        return Undefined("too large to annualise")
    return math.expm1(exponent)


def last_points_of_days(time: Integers) -> tuple[Integers, Integers]:
    """(day numbers since 1970-01-01, index of each day's last point) of the UTC days that have points."""
    global _asked  # noqa: PLW0603
    if not time.size:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    if (asked := _asked) is not None and asked[0]() is time and not time.flags.writeable:
        return asked[1]
    days = np.arange(int(time[0]) // NS_PER_DAY, int(time[-1]) // NS_PER_DAY + 1, dtype=np.int64)
    # A search per day instead of a division per bar.
    last = np.searchsorted(time, (days + 1) * NS_PER_DAY, side="left") - 1
    present = np.append(True, last[1:] > last[:-1])
    found = days[present], last[present].astype(np.int64)
    for column in found:
        column.flags.writeable = False
    _asked = (weakref.ref(time), found) if _is_fixed(time) else None
    return found


def _is_fixed(column: Any) -> bool:
    """Whether nobody can write to the memory of a column, by whichever view."""
    while isinstance(column, np.ndarray):
        if column.flags.writeable:
            return False
        column = column.base
    return column is None or (isinstance(column, memoryview) and column.readonly)


def daily_returns(time: Integers, equity: Floats, capital: float) -> Floats | Undefined:
    """One simple return per UTC day with bars, the first from ``capital``; fractions.

    Undefined once a day starts with equity at or below zero: nothing grows from there.
    """
    days, last = last_points_of_days(time)
    if not days.size:
        return NO_BARS
    ends = equity[last]
    starts = np.concatenate(([capital], ends[:-1]))
    ruined = np.flatnonzero(starts <= 0)
    if ruined.size:
        day = datetime.fromtimestamp(int(days[ruined[0] - 1]) * 86_400, UTC)
        return Undefined(f"the account was ruined on {day:%Y-%m-%d}")
    return np.asarray(ends / starts - 1.0, dtype=np.float64)


def periods_per_year(time: Integers, timeframe_ns: int) -> Value:
    """Daily returns a year: 365 when any bar opens on a Saturday or Sunday (UTC), else 252.

    Bars longer than a day give a return per bar: then 365.25 days / bar length. Undefined without bars.
    """
    if not time.size:
        return NO_BARS
    if timeframe_ns > NS_PER_DAY:
        return DAYS_PER_YEAR * NS_PER_DAY / timeframe_ns
    days, _ = last_points_of_days(time)
    weekday = (days + 3) % 7  # 1970-01-01 was a Thursday; Monday is 0
    return float(CALENDAR_DAYS_PER_YEAR if (weekday >= 5).any() else TRADING_DAYS_PER_YEAR)


def volatility(returns: Floats, periods: float) -> Value:
    """Sample deviation of the daily returns * sqrt(periods): a fraction a year, >= 0.

    0 when all returns are equal. Undefined below two returns. Source: Bacon, 2008.
    """
    if returns.size < 2:
        return Undefined("fewer than two days")
    return finite(_deviation(returns) * math.sqrt(periods))


def sharpe(returns: Floats, periods: float) -> Value:
    """Mean / sample deviation of the daily returns * sqrt(periods), risk-free rate 0. No unit; sign of the mean.

    Undefined below two returns and without variance.
    Source: Sharpe, The Sharpe Ratio, Journal of Portfolio Management, 1994.
    """
    if returns.size < 2:
        return Undefined("fewer than two days")
    deviation = _deviation(returns)
    if deviation == 0:
        return Undefined("daily returns do not vary")
    return finite(float(returns.mean()) / deviation * math.sqrt(periods))


def sortino(returns: Floats, periods: float) -> Value:
    """Mean of the daily returns / downside deviation * sqrt(periods), target 0. No unit; sign of the mean.

    Downside deviation = sqrt(sum of min(return, 0) ** 2 / number of all returns). Undefined below two
    returns and without a negative one. Source: Sortino and Price, Performance Measurement in a
    Downside Risk Framework, Journal of Investing, 1994.
    """
    if returns.size < 2:
        return Undefined("fewer than two days")
    downside = math.sqrt(float(np.square(np.minimum(returns, 0.0)).mean()))
    if downside <= ROUNDING:
        return Undefined("no day lost money")
    return finite(float(returns.mean()) / downside * math.sqrt(periods))


def bends(equity: Floats) -> Integers:
    """Index of the first and last point of each stretch over which the curve does not move.

    Drawdowns begin, end and are deepest there: most curves move at few of their points, only while something is held.
    """
    kept = np.ones(equity.size, dtype=np.bool_)
    moves = equity[1:] != equity[:-1]
    np.logical_or(moves[:-1], moves[1:], out=kept[1:-1])
    return np.flatnonzero(kept)


def drawdowns(equity: Floats, capital: float) -> Floats:
    """Per point 1 - equity / peak, the peak being the highest equity so far, at least ``capital``.

    0 at a peak, 0.25 a quarter below it, above 1 in debt.
    """
    peak = np.maximum.accumulate(equity)
    np.maximum(peak, capital, out=peak)
    fraction: Floats = np.divide(equity, peak, out=peak)
    return np.subtract(1.0, fraction, out=fraction)


def max_drawdown(drawdown: Floats) -> float:
    """The largest of ``drawdowns``: a positive fraction of the peak, 0 without any (or without bars).

    Source: Magdon-Ismail and Atiya, Maximum Drawdown, Risk, 2004.
    """
    deepest = float(drawdown.max()) if drawdown.size else 0.0
    return deepest if deepest > ROUNDING else 0.0


def max_drawdown_duration_days(time: Integers, drawdown: Floats, timeframe_ns: int) -> float:
    """The longest time from a peak to the first point at or above it again, in days; 0 without a drawdown.

    Points stand at bar closes, the starting capital at the first open. A drawdown that has not
    recovered counts to the last close.
    """
    if not time.size:
        return 0.0
    under = np.zeros(time.size + 2, dtype=np.bool_)
    np.greater(drawdown, ROUNDING, out=under[1:-1])
    edges = np.flatnonzero(under[1:] != under[:-1])
    if not edges.size:
        return 0.0
    # Position k is the close of bar k - 1, so position 0 is the first open.
    begins, ends = edges[::2], np.minimum(edges[1::2] + 1, time.size)
    closes_begin = np.where(begins > 0, time[begins - 1] + timeframe_ns, time[0])
    return int((time[ends - 1] + timeframe_ns - closes_begin).max()) / NS_PER_DAY


def calmar(growth: Value, drawdown: float) -> Value:
    """CAGR / max drawdown over the whole run: no unit, the sign of the growth.

    Undefined without a drawdown, or where the CAGR is.
    Source: Young, Calmar Ratio: A Smoother Tool, Futures, 1991 (there over 36 months).
    """
    if isinstance(growth, Undefined):
        return growth
    if drawdown == 0:
        return Undefined("no drawdown")
    return finite(growth / drawdown)


def exposure_time(exposure: Floats) -> Value:
    """Bars with an open position at their close / all bars: a fraction in [0, 1]. Undefined without bars."""
    if not exposure.size:
        return NO_BARS
    return int(np.count_nonzero(exposure != 0.0)) / exposure.size


def _deviation(returns: Floats) -> float:
    deviation = float(returns.std(ddof=1))
    return deviation if deviation > ROUNDING else 0.0
