"""Longer bars made of shorter ones: 5m to 1h and so on."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from quantsail_framework.domain.bars import Bars, Bools
from quantsail_framework.domain.timeframe import Timeframe, bucket_start
from quantsail_framework.errors import DataError


class Resampled(NamedTuple):
    """Longer bars, and which of them lack some of the shorter ones that they could be made of."""

    bars: Bars
    incomplete: Bools


def resample(bars: Bars, timeframe: Timeframe) -> Resampled:
    """``bars`` as bars of ``timeframe``, aligned to the clock: 1h to the full hour, 1d to 00:00 UTC, 1w to Monday.

    Open is the first open, high the highest, low the lowest, close the last close, volume the sum. A bar that holds
    gaps is made of what is there, as exchanges do, and marked incomplete; one of whose time nothing is there is
    absent. The first and last are left out where ``bars`` begin after their start or end before their end: what
    they would have been is not known. Of bars that are synthetic all through, the long one is.

    Raises DataError where ``timeframe`` is not a multiple of that of ``bars``, or they are not aligned to it.
    """
    short = bars.timeframe
    if timeframe.ns % short.ns or timeframe.ns <= short.ns:
        raise DataError(f"{bars.symbol}: {timeframe} bars cannot be made of {short} bars, it is no multiple")
    askew = bars.time != bucket_start(bars.time, short)
    if askew.any():
        row = int(np.argmax(askew))
        raise DataError(f"{bars!r}, row {row}: opens between two {short} bars; {timeframe} bars cannot be made of them")
    if not len(bars):
        return Resampled(Bars(bars.symbol, timeframe, bars.time, *[bars.open] * 5, origin=bars.origin), bars.time > 0)
    start = bucket_start(bars.time, timeframe)
    first = np.flatnonzero(np.concatenate([[True], start[1:] != start[:-1]]))
    last = np.append(first[1:], len(bars)) - 1
    known = slice(int(bars.time[0] != start[0]), len(first) - int(bars.time[-1] + short.ns != start[-1] + timeframe.ns))
    columns = (
        bars.open[first],
        np.maximum.reduceat(bars.high, first),
        np.minimum.reduceat(bars.low, first),
        bars.close[last],
        np.add.reduceat(bars.volume, first),
    )
    synthetic = None if bars.synthetic is None else np.logical_and.reduceat(bars.synthetic, first)[known]
    values = [column[known] for column in columns]
    long = Bars(bars.symbol, timeframe, start[first][known], *values, synthetic=synthetic, origin=bars.origin)
    return Resampled(long, (last - first + 1 < timeframe.ns // short.ns)[known])
