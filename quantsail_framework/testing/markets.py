"""Seeded market makers: valid candles in the shapes that break strategies, for tests without data files.

Prices start near 100 in quote currency, volume is in base currency, times start on Monday 2 January 2023.
The same arguments give the same bars.
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import numpy as np

from quantsail_framework.causality import other_future as other_future  # noqa: PLC0414 - one of the markets, made below the tests
from quantsail_framework.domain.bars import PRICE_COLUMNS, Bars, Bools, Floats, Ints
from quantsail_framework.domain.timeframe import Timeframe

START_NS = 1_672_617_600_000_000_000
SYMBOL = "TEST/USDT"
PRICE = 100.0

_NOISE = 0.002
_MEMORY = 200


def trending(seed: int = 0, size: int = 1_000, *, timeframe: str = "5m", symbol: str = SYMBOL) -> Bars:
    """Legs of 160 bars up and 80 down with little noise: breakouts, high ADX."""
    rng = np.random.default_rng(seed)
    up = np.arange(size) % 240 < 160
    returns = np.where(up, 0.0012, -0.0014) + rng.normal(0.0, 0.0012, size)
    return _bars(returns, rng, timeframe=timeframe, symbol=symbol)


def ranging(seed: int = 0, size: int = 1_000, *, timeframe: str = "5m", symbol: str = SYMBOL) -> Bars:
    """Prices that swing around one level and return to it: touched bands, low ADX."""
    rng = np.random.default_rng(seed)
    kernel = 0.9 ** np.arange(_MEMORY)
    level = np.convolve(rng.normal(0.0, 0.004, size + _MEMORY), kernel)[_MEMORY : _MEMORY + size]
    return _bars(np.diff(level, prepend=0.0), rng, timeframe=timeframe, symbol=symbol)


def gapping(seed: int = 0, size: int = 1_000, *, timeframe: str = "5m", symbol: str = SYMBOL) -> Bars:
    """A random walk with missing spans of up to 20 hours of bars, each opening up to a few percent away."""
    rng = np.random.default_rng(seed)
    after_gap = rng.random(size) < 0.03
    jumps = np.where(after_gap, rng.normal(0.0, 0.02, size), 0.0)
    steps = np.where(after_gap, rng.integers(2, 240, size), 1)
    return _bars(rng.normal(0.0, _NOISE, size), rng, jumps=jumps, steps=steps, timeframe=timeframe, symbol=symbol)


def crash(seed: int = 0, size: int = 1_000, *, timeframe: str = "5m", symbol: str = SYMBOL) -> Bars:
    """A calm walk that loses about 35 % within ten bars halfway, and stays three times as volatile."""
    rng = np.random.default_rng(seed)
    middle = size // 2
    returns = rng.normal(0.0, _NOISE, size) * np.where(np.arange(size) < middle, 1.0, 3.0)
    returns[middle : middle + 10] -= 0.043
    return _bars(returns, rng, timeframe=timeframe, symbol=symbol)


def random_walk(
    seed: int = 0,
    size: int = 1_000,
    timeframe: str = "5m",
    symbol: str = SYMBOL,
    *,
    gaps: bool = False,
    silent_bars: bool = False,
) -> Bars:
    """A walk without drift. ``gaps`` leaves out bars here and there; ``silent_bars`` makes about one in
    twenty a flat bar without volume, which is not tradable."""
    rng = np.random.default_rng(seed)
    returns = rng.normal(0.0, _NOISE, size)
    steps = np.where(rng.random(size) < 0.02, rng.integers(2, 13, size), 1) if gaps else None
    silent = rng.random(size) < 0.05 if silent_bars else None
    return _bars(returns, rng, steps=steps, silent=silent, timeframe=timeframe, symbol=symbol)


def flat(size: int = 1_000, *, timeframe: str = "5m", symbol: str = SYMBOL) -> Bars:
    """One price in every bar: no range, no return, no deviation to divide by."""
    nothing = np.zeros(size)
    return _bars(nothing, np.random.default_rng(0), silent=nothing == 0.0, timeframe=timeframe, symbol=symbol)


def spiking(seed: int = 0, size: int = 1_000, *, timeframe: str = "5m", symbol: str = SYMBOL) -> Bars:
    """A walk in which every fiftieth bar closes ten times higher or lower, and the next one is back."""
    bars = random_walk(seed, size, timeframe, symbol)
    factor = np.where(np.arange(size) % 50 == 49, np.where(np.arange(size) % 100 == 99, 10.0, 0.1), 1.0)
    close = bars.close * factor
    return attrs.evolve(bars, close=close, high=np.maximum(bars.high, close), low=np.minimum(bars.low, close))


def scaled(bars: Bars, factor: float) -> Bars:
    """The same market with every price times ``factor``: a coin of 1e-8, or one of a billion."""
    return attrs.evolve(bars, **{name: getattr(bars, name) * factor for name in PRICE_COLUMNS})


def extremes(size: int = 1_000, *, timeframe: str = "5m", volume: bool = True) -> dict[str, Bars]:
    """Valid markets at the edge of what there is, by name; with ``volume``, also one that has none."""
    walk = random_walk(8, size, timeframe)
    made = {
        "flat": flat(size, timeframe=timeframe),
        "spiking": spiking(9, size, timeframe=timeframe),
        "tiny": scaled(walk, 1e-10),
        "huge": scaled(walk, 1e10),
    }
    return made | ({"no volume": attrs.evolve(walk, volume=np.zeros(size))} if volume else {})


def of_closes(closes: Sequence[float], *, timeframe: str = "5m", symbol: str = SYMBOL) -> Bars:
    """Bars for examples by hand: each opens at its close, reaches one above and one below it, and trades one unit.

    Closes must be above one, since a low must be above zero.
    """
    close, length = np.array(closes, np.float64), Timeframe(timeframe)
    time = START_NS + np.arange(len(close)) * length.ns
    return Bars(symbol, length, time, close, close + 1.0, close - 1.0, close, np.ones(len(close)))


def resample(bars: Bars, timeframe: str) -> Bars:
    """The same market in a longer timeframe; a last bar that has not closed by the end is left out."""
    length = Timeframe(timeframe)
    buckets = bars.time // length.ns
    starts = np.flatnonzero(np.diff(buckets, prepend=-1))
    opens = buckets[starts] * length.ns
    closed = int(np.sum(opens + length.ns <= bars.time[-1] + bars.timeframe.ns)) if len(bars) else 0
    ends = np.r_[starts[1:], len(bars)][: len(starts)] - 1
    return Bars(
        bars.symbol,
        length,
        time=opens[:closed],
        open=bars.open[starts][:closed],
        high=np.maximum.reduceat(bars.high, starts)[:closed] if closed else (),
        low=np.minimum.reduceat(bars.low, starts)[:closed] if closed else (),
        close=bars.close[ends][:closed],
        volume=np.add.reduceat(bars.volume, starts)[:closed] if closed else (),
    )


def with_informative(bars: Bars, wanted: Sequence[str]) -> Bars:
    """``bars`` with the informative series that ``[data] informative`` would load: ``"1h"`` or ``"BTC/USDT@1h"``.

    Another symbol moves against this one: its prices are 10,000 / price.
    """
    others = {}
    for text in wanted:
        symbol, _, timeframe = text.rpartition("@")
        base = _mirrored(bars, symbol) if symbol else bars
        others[symbol or bars.symbol, timeframe] = resample(base, timeframe)
    return attrs.evolve(bars, others=others)


def _mirrored(bars: Bars, symbol: str) -> Bars:
    inverse = PRICE**2
    return attrs.evolve(
        bars,
        symbol=symbol,
        open=inverse / bars.open,
        high=inverse / bars.low,
        low=inverse / bars.high,
        close=inverse / bars.close,
    )


def _bars(
    returns: Floats,
    rng: np.random.Generator,
    *,
    timeframe: str,
    symbol: str,
    jumps: Floats | None = None,
    steps: Ints | None = None,
    silent: Bools | None = None,
) -> Bars:
    """Candles from log returns within bars, ``jumps`` between them, and bar distances ``steps`` in timeframes."""
    size = len(returns)
    wicks = np.abs(rng.normal(0.0, 0.6 * _NOISE, (2, size)))
    volume = rng.lognormal(5.0, 0.5, size) * (1.0 + 100.0 * np.abs(returns))
    if silent is not None:
        returns, volume = np.where(silent, 0.0, returns), np.where(silent, 0.0, volume)
        wicks[:, silent] = 0.0
    moves = returns if jumps is None else returns + jumps
    close = PRICE * np.exp(np.cumsum(moves))
    opening = close / np.exp(returns)
    distance = np.arange(size) if steps is None else np.cumsum(steps) - steps[:1].sum()
    length = Timeframe(timeframe)
    return Bars(
        symbol,
        length,
        time=START_NS + distance.astype(np.int64) * length.ns,
        open=opening,
        high=np.maximum(opening, close) * np.exp(wicks[0]),
        low=np.minimum(opening, close) * np.exp(-wicks[1]),
        close=close,
        volume=volume,
        origin="market maker",
    )
