"""Signals of the strategies against plain loops, over random markets whose prices often repeat."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quantsail_framework import Bars, Timeframe
from quantsail_framework.config import options_of
from quantsail_mean_reversion.strategy import MeanReversionStrategy
from quantsail_trend.strategy import TrendStrategy
from quantsail_volatility_expansion.strategy import VolatilityExpansionStrategy
from tests.engine.test_real_data import assert_same_signals
from tests.reference.mean_reversion import add_mean_reversion_signals
from tests.reference.trend import add_trend_signals
from tests.reference.values import Market
from tests.reference.volatility_expansion import add_volatility_expansion_signals

# The filters are loose and the windows short, so that a few hundred bars hold entries of both sides.
STRATEGIES: dict[str, tuple[Any, Callable[..., Market], dict[str, Any]]] = {
    "trend": (TrendStrategy, add_trend_signals, {"adx_threshold": 15.0}),
    "mean-reversion": (
        MeanReversionStrategy,
        add_mean_reversion_signals,
        {"adx_threshold": 40.0, "rsi_oversold": 45.0, "bb_std": 1.5},
    ),
    "volatility-expansion": (
        VolatilityExpansionStrategy,
        add_volatility_expansion_signals,
        {"squeeze_lookback": 40, "squeeze_bars": 12, "expansion_atr": 1.0},
    ),
}


def random_market(seed: int, tick: float) -> Market:
    """A walk in whole ticks that now and then stands still, with volumes from a handful of numbers."""
    rng = np.random.default_rng(seed)
    size = 600
    calm = np.repeat(rng.choice([0, 1, 3], size // 20), 20)
    close = 4_000 + np.cumsum(rng.integers(-4, 5, size) * calm)
    open_ = np.r_[close[0], close[:-1]]
    up, down = rng.integers(0, 3, (2, size)) * calm
    columns = [open_, np.maximum(open_, close) + up, np.minimum(open_, close) - down, close]
    prices = [[round(int(price) * tick, 10) for price in column] for column in columns]
    times = [300_000_000_000 * i for i in range(size)]
    return Market("T/USD", times, *prices, rng.integers(1, 6, size).astype(float).tolist())


@pytest.mark.parametrize("name", STRATEGIES)
@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), tick=st.sampled_from([1.0, 0.01, 0.0001]), allow_short=st.booleans())
def test_signals_equal_a_plain_loop(name: str, seed: int, tick: float, allow_short: bool) -> None:
    cls, add_signals, options = STRATEGIES[name]
    market = random_market(seed, tick)
    columns = [market.open, market.high, market.low, market.close, market.volume]
    bars = Bars(market.symbol, Timeframe("5m"), np.array(market.time), *map(np.array, columns))
    strategy = cls(allow_short=allow_short, **options)
    assert_same_signals(strategy.signals(bars), add_signals(market, allow_short=allow_short, **options), 0)


@pytest.mark.parametrize("name", STRATEGIES)
def test_d083_what_a_strategy_needs_is_known_before_any_data(name: str) -> None:
    cls, _, options = STRATEGIES[name]
    declared = {option.name: option for option in options_of(cls)}
    assert set(options) < set(declared)
    assert all(option.doc and not option.required for option in declared.values())
    assert cls().warmup > 300


@pytest.mark.parametrize("name", STRATEGIES)
def test_these_markets_hold_entries_of_both_sides(name: str) -> None:
    _, add_signals, options = STRATEGIES[name]
    markets = [add_signals(random_market(seed, 1.0), allow_short=True, **options) for seed in range(10)]
    entries = [entry for market in markets for entry in market.entry]
    assert entries.count(1) > 10
    assert entries.count(-1) > 10
