"""What can be wrong with stored candles, and where it is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

import attrs
import numpy as np

from quantsail_framework.domain.bars import PRICE_COLUMNS, Bars, Bools, Ints, utc_text
from quantsail_framework.domain.gaps import holes
from quantsail_framework.domain.resample import resample
from quantsail_framework.domain.timeframe import bucket_start
from quantsail_framework.errors import DataError
from quantsail_framework.ports.data_source import BarRequest
from quantsail_framework.store import Series, Store
from quantsail_framework.store.columns import FILE as CACHE
from quantsail_framework.store.parts import describe, read_part

# A price this far (as log return: a third down, a half up) from the middle of the closes around it is worth a look...
_JUMP = 0.4
# ...if it is also so many median moves of the series off: days are not held to the measure of minutes.
_MOVES = 30.0
_AROUND = 10  # bars on each side
_TOLERANCE = 1e-9  # of a sum of volumes against the exchange's own figure


@attrs.frozen
class Finding:
    """One thing that is wrong. [start, end) are bar opens, ns; None where it is about a file as a whole."""

    check: str
    series: Series
    text: str
    start_ns: int | None = None
    end_ns: int | None = None
    bars: int = 0


def verify(store: Store, series: Series) -> Iterator[Finding]:
    """Everything that the checks find in one series.

    - ``broken``: a part that cannot be read, or has unsorted, repeated or impossible candles (a high below the
      close, a price of zero, NaN, another period than the file's)
    - ``altered``: a part whose candles are not those that were written
    - ``misplaced``: candles that open beside the clock
    - ``gap``, ``zero_volume`` (in a series that has volume), ``forming`` (it had not closed when it was fetched)
    - ``outlier``: a price a third below or a half above, and 30 median moves off, the median of the ten closes on each
      side
    - ``differs``: not what a finer timeframe of the same symbol adds up to
    """
    broken = list(_broken(series))
    for check, text in broken:
        yield Finding(check, series, text)
    if not any(check == "broken" for check, _ in broken):
        bars, length = series.bars_of_parts(), series.timeframe.ns
        cached = series.bars_of_cache()
        if cached is not None and cached.content_hash != bars.content_hash:
            yield Finding("altered", series, f"{CACHE} does not hold the candles of the parts; remove it")
        for start, end in holes(bars.time, bars.timeframe):
            count = (end - start) // length
            yield Finding("gap", series, f"{count} {'bar is' if count == 1 else 'bars are'} missing", start, end, count)
        yield from _strange(store, series, bars)


def _strange(store: Store, series: Series, bars: Bars) -> Iterator[Finding]:
    """What is odd about candles that are possible each by itself."""
    for start, end, count in _runs(bars, _silent(bars)):
        yield Finding("zero_volume", series, f"{count} without volume", start, end, count)
    for start, end, count in _runs(bars, outliers(bars)):
        yield Finding("outlier", series, _off(bars, start), start, end, count)
    last, fetched = int(bars.time[-1]), describe(series.paths()[-1]).fetched_ns
    if last + bars.timeframe.ns > fetched:
        text = f"the last bar closes after it was fetched ({utc_text(fetched)})"
        yield Finding("forming", series, text, last, last + bars.timeframe.ns, 1)
    for finer in _finer(store, bars, series.venue):
        for start, end, count in _runs(bars, differing(bars, finer)):
            yield Finding("differs", series, f"{count} not what {finer.timeframe} adds up to", start, end, count)


def _broken(series: Series) -> Iterator[tuple[str, str]]:
    for path in series.paths():
        try:
            bars = read_part(path, series.symbol, series.timeframe)
            said = describe(path)
        except DataError as error:
            yield "broken", str(error)
            continue
        if bars.content_hash != said.sha256:
            yield "altered", f"{path.name}: the candles are not those that were written; fetch or import them again"
        askew = bars.time != bucket_start(bars.time, series.timeframe)
        if askew.any():
            first = utc_text(int(bars.time[np.argmax(askew)]))
            yield "misplaced", f"{path.name}: {askew.sum()} candles open beside the clock, the first at {first}"


def _silent(bars: Bars) -> Bools:
    silent = bars.volume <= 0.0
    return silent if not silent.all() else np.zeros(len(bars), np.bool_)


def outliers(bars: Bars) -> Bools:
    """Which bars have a high or a low that is far off the closes around them.

    Far: |ln(price / m)| > max(0.4, 30 * s), m the median close of the ten bars on each side and the bar itself, s the
    median of |ln(close / previous close)| of the series. Real crashes can be among them: they are worth a look.
    """
    if len(bars) < 2 * _AROUND + 1:
        return np.zeros(len(bars), np.bool_)
    close = np.log(bars.close)
    limit = max(_JUMP, _MOVES * float(np.median(np.abs(np.diff(close)))))
    # A median is dear, so only those are asked for that move far within the window at all.
    reach = np.maximum(np.abs(np.log(bars.high) - close), np.abs(np.log(bars.low) - close))
    step = np.abs(np.diff(close, prepend=close[0]))
    suspicious = np.flatnonzero(_near((reach > limit / 2) | (step > limit / (2 * _AROUND))))
    flags = np.zeros(len(bars), np.bool_)
    for row in suspicious.tolist():
        middle = float(np.median(close[max(0, row - _AROUND) : row + _AROUND + 1]))
        flags[row] = max(np.log(bars.high[row]) - middle, middle - np.log(bars.low[row])) > limit
    return flags


def _near(flags: Bools) -> Bools:
    """True within ten bars of a true one."""
    return np.convolve(flags, np.ones(2 * _AROUND + 1), "same") > 0.5


def _off(bars: Bars, start: int) -> str:
    row = bars.index_at(start)
    around = float(np.median(bars.close[max(0, row - _AROUND) : row + _AROUND + 1]))
    return f"from {bars.low[row]:.8g} to {bars.high[row]:.8g} where closes are about {around:.8g}"


def _finer(store: Store, bars: Bars, venue: str) -> Iterator[Bars]:
    """The longest of the stored finer timeframes that ``bars`` can be made of; none where it cannot be read."""
    shorter = [
        length
        for length in store.timeframes(venue, bars.symbol)
        if length < bars.timeframe and bars.timeframe.ns % length.ns == 0
    ]
    with suppress(DataError):  # told when that series is checked itself
        if shorter:
            end = int(bars.time[-1]) + bars.timeframe.ns
            yield store.bars(venue, BarRequest(bars.symbol, max(shorter), int(bars.time[0]), end))


def differing(bars: Bars, finer: Bars) -> Bools:
    """Which bars are not what ``finer`` adds up to; those that it does not cover whole are not judged."""
    made = resample(finer, bars.timeframe)
    whole = made.bars.where(~made.incomplete)
    rows = bars.time.searchsorted(whole.time)
    there = rows < len(bars)
    there[there] = bars.time[rows[there]] == whole.time[there]
    flags = np.zeros(len(bars), np.bool_)
    flags[rows[there]] = ~_alike(bars, rows[there], whole, there)
    return flags


def _alike(bars: Bars, rows: Ints, whole: Bars, there: Bools) -> Bools:
    same = np.isclose(bars.volume[rows], whole.volume[there], rtol=_TOLERANCE, atol=0.0)
    for name in PRICE_COLUMNS:
        same &= getattr(bars, name)[rows] == getattr(whole, name)[there]
    return same


def _runs(bars: Bars, flags: Bools) -> Iterator[tuple[int, int, int]]:
    """[start, end) and number of bars of each stretch of flagged bars."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    for first, stop in edges.reshape(-1, 2).tolist():
        yield int(bars.time[first]), int(bars.time[stop - 1]) + bars.timeframe.ns, stop - first
