"""The same past with another future: what a component must not notice."""

from __future__ import annotations

import attrs
import numpy as np

from quantsail_framework.domain.bars import Bars

_NOISE = 0.002  # deviation of the log return of a bar


def other_future(bars: Bars, index: int, seed: int = 0) -> Bars:
    """The same bars up to and including ``index`` (-1: none), then other prices and volumes at the same times.

    The prices jump by up to a quarter and walk on at random; a bar without volume stays one. No bar after
    ``index`` is synthetic. Informative series are not kept.
    """
    rng = np.random.default_rng(seed)
    rest = slice(index + 1, None)
    size = len(bars) - index - 1
    close = bars.close[max(index, 0)] * rng.uniform(0.8, 1.25) * np.exp(np.cumsum(rng.normal(0.0, _NOISE, size)))
    opening = close / np.exp(rng.normal(0.0, _NOISE, size))
    wicks = np.abs(rng.normal(0.0, _NOISE, (2, size)))
    made = {
        "open": opening,
        "high": np.maximum(opening, close) * np.exp(wicks[0]),
        "low": np.minimum(opening, close) * np.exp(-wicks[1]),
        "close": close,
        "volume": bars.volume[rest] * rng.lognormal(0.0, 0.5, size) * rng.uniform(0.2, 5.0),
    }
    columns = {name: np.r_[getattr(bars, name)[: index + 1], column] for name, column in made.items()}
    synthetic = None if bars.synthetic is None else np.r_[bars.synthetic[: index + 1], np.zeros(size, np.bool_)]
    return attrs.evolve(bars, synthetic=synthetic, others={}, **columns)


def other_informative(bars: Bars, index: int, seed: int = 0) -> Bars:
    """The same bars, with another future of each informative series from what had not closed with bar ``index`` on.

    The forming bar of a longer timeframe, which opened before and closes later, is part of that future.
    """
    close_ns = int(bars.time[index]) + bars.timeframe.ns
    others = {
        key: other_future(series, int(series.time.searchsorted(close_ns - series.timeframe.ns, side="right")) - 1, seed)
        for key, series in bars.others.items()
        if len(series)
    }
    return attrs.evolve(bars, others={**bars.others, **others})
