"""Candles that could have come instead: blocks of the real ones, chained anew."""

from __future__ import annotations

from collections.abc import Mapping
from math import sqrt

import attrs
import numpy as np

from quantsail_framework.domain.bars import Bars, Ints
from quantsail_framework.domain.resample import resample
from quantsail_framework.domain.timeframe import Timeframe
from quantsail_framework.engine import MarketData
from quantsail_framework.engine.market import all_moments
from quantsail_framework.errors import PipelineError
from quantsail_monte_carlo.paths import stationary_blocks


def resampled(data: MarketData, random: np.random.Generator) -> MarketData:
    """Other candles of the same markets, over the same time: the stationary bootstrap of their bars.

    The moves of a bar (open, high, low and close / the close before) are drawn in blocks of mean length sqrt(bars)
    and chained from the first candle on; volume comes along. All symbols use the same blocks, so that what moved
    together still does. Where a symbol has no bar in a block, its path has none either.
    """
    moments = all_moments([bars.time for bars in data.bars.values()])
    later = len(moments) - 1  # the first has no move
    source = np.append(0, 1 + stationary_blocks(1, later, sqrt(later), random))
    paths = {symbol: _path(bars, moments, source) for symbol, bars in data.bars.items()}
    whole = {symbol: attrs.evolve(path, others=_others(data.bars[symbol], paths)) for symbol, path in paths.items()}
    return attrs.evolve(data, bars=whole)


def check_can_be_resampled(data: MarketData) -> None:
    """Raise PipelineError where an informative series cannot be made of the run's own candles."""
    for bars in data.bars.values():
        for symbol, timeframe in bars.others:
            if symbol not in data.bars or Timeframe(timeframe).ns % bars.timeframe.ns:
                text = f"the informative series {symbol}@{timeframe} cannot be made of the candles of the run"
                raise PipelineError([f"monte-carlo.tests: price-path: {text}; leave price-path out"])


def _path(bars: Bars, moments: Ints, source: Ints) -> Bars:
    """One symbol along the blocks: its first candle, then the moves of the source moments that it has a bar at."""
    row = np.full(len(moments), -1)
    row[moments.searchsorted(bars.time)] = np.arange(len(bars))
    after = int(moments.searchsorted(bars.time[0])) + 1
    moved = row[source[after:]]
    found = moved > 0  # its first candle has no move
    rows = moved[found]
    before = bars.close[rows - 1]
    close = np.multiply.accumulate(np.concatenate([bars.close[:1], bars.close[rows] / before]))
    # Multiplying by one number keeps an order, so that high and low still bound open and close.
    prices = (bars.open, bars.high, bars.low)
    opens, highs, lows = (np.concatenate([price[:1], close[:-1] * (price[rows] / before)]) for price in prices)
    kept = np.concatenate([[0], rows])
    synthetic = None if bars.synthetic is None else bars.synthetic[kept]
    time = np.concatenate([bars.time[:1], moments[after:][found]])
    volume = bars.volume[kept]
    return Bars(bars.symbol, bars.timeframe, time, opens, highs, lows, close, volume, synthetic=synthetic)


def _others(bars: Bars, paths: Mapping[str, Bars]) -> dict[tuple[str, str], Bars]:
    """The informative series of a symbol, of the paths."""
    return {key: _longer(paths[key[0]], Timeframe(key[1])) for key in bars.others}


def _longer(path: Bars, timeframe: Timeframe) -> Bars:
    return path if timeframe == path.timeframe else resample(path, timeframe).bars
