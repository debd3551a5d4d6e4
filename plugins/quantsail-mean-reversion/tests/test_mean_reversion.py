"""When ``mean-reversion`` enters and with which levels: bars made by hand, real candles, the seed's defects."""

from __future__ import annotations

from collections.abc import Callable

import attrs
import numpy as np
import pytest

from quantsail_framework import LONG, SHORT, Bars, Signals, Timeframe, indicators
from quantsail_framework.errors import DataError
from quantsail_framework.testing import markets
from quantsail_mean_reversion.strategy import MeanReversionStrategy

Candles = Callable[..., Bars]

# Periods so short that a handful of bars decides, and an ADX filter that passes all but a one-way market.
QUICK = MeanReversionStrategy(bb_period=3, bb_std=1.0, rsi_period=2, adx_period=2, adx_threshold=100.0)
# Bands over the last three closes 10, 12, 8: mean 10, deviation sqrt((0 + 4 + 4) / 3) = sqrt(8 / 3).
SWINGS = [10, 12, 10, 12, 10, 12, 8]
WIDTH = (8 / 3) ** 0.5


def rows(signals: Signals, side: int = LONG) -> list[int]:
    return np.flatnonzero(signals.entry == side).tolist()


def targets(signals: Signals) -> np.ndarray:
    assert signals.target is not None
    return signals.target


def test_enters_with_levels_from_the_bands(candles: Candles) -> None:
    signals = QUICK.signals(candles(SWINGS))
    assert rows(signals) == [6]
    # Lower band 10 - WIDTH = 8.37, which the low of 7 touches. Stop half a width below it, target the mean.
    assert signals.stop[6] == pytest.approx(10 - 1.5 * WIDTH)
    assert targets(signals)[6] == pytest.approx(10.0)
    assert signals.confidence == 0.70


def test_levels_are_absent_where_nothing_enters(candles: Candles) -> None:
    signals = QUICK.signals(candles([10, 12, 10, 12, 10, 12, 10]))
    assert rows(signals) == []
    assert np.isnan(signals.stop).all()
    assert np.isnan(targets(signals)).all()


def test_bb_std_and_stop_width_scale_the_levels(candles: Candles) -> None:
    signals = attrs.evolve(QUICK, bb_std=1.5, stop_width=2.0, confidence=0.2).signals(candles(SWINGS))
    # Lower band 10 - 1.5 * WIDTH; the stop two of its widths below.
    assert signals.stop[6] == pytest.approx(10 - 1.5 * WIDTH - 2 * 1.5 * WIDTH)
    assert signals.confidence == 0.2
    # Two deviations below the mean lie at 6.73, which the low of 7 does not reach.
    assert rows(attrs.evolve(QUICK, bb_std=2.0).signals(candles(SWINGS))) == []


def test_bb_period_sets_mean_and_deviation(candles: Candles) -> None:
    # 12, 10, 12, 8: mean 10.5, squares 2.25 + 0.25 + 2.25 + 6.25 = 11, deviation sqrt(11 / 4).
    signals = attrs.evolve(QUICK, bb_period=4).signals(candles(SWINGS))
    assert targets(signals)[6] == pytest.approx(10.5)
    assert signals.stop[6] == pytest.approx(10.5 - 1.5 * (11 / 4) ** 0.5)


def test_rsi_must_be_below_oversold(candles: Candles) -> None:
    # Changes 2, -2, 2, -2, 2, -4. Gains average 1, 1.5, 0.75, 1.375, 0.6875 and losses 1, 0.5, 1.25, 0.625, 2.3125:
    # the last RSI is 100 * 0.6875 / 3 = 22.9167.
    bars = candles(SWINGS)
    assert rows(attrs.evolve(QUICK, rsi_oversold=22.91).signals(bars)) == []
    assert rows(attrs.evolve(QUICK, rsi_oversold=22.92).signals(bars)) == [6]
    # Over the six changes at once: gains 6, losses 8, so 100 * 6 / 14 = 42.9.
    assert rows(attrs.evolve(QUICK, rsi_period=6, rsi_oversold=42.8).signals(bars)) == []
    assert rows(attrs.evolve(QUICK, rsi_period=6, rsi_oversold=42.9).signals(bars)) == [6]


def test_adx_must_be_below_the_threshold(candles: Candles) -> None:
    falling = candles([40, 38, 36, 34, 32, 30, 28])  # nothing ever rises: ADX is 100
    assert (indicators.adx(falling, 2)[3:] == 100.0).all()
    assert rows(QUICK.signals(falling)) == []
    adx = indicators.adx(candles(SWINGS), 2).item(6)
    assert rows(attrs.evolve(QUICK, adx_threshold=adx).signals(candles(SWINGS))) == []
    assert rows(attrs.evolve(QUICK, adx_threshold=adx + 1e-9).signals(candles(SWINGS))) == [6]


def test_adx_period_sets_when_it_is_known(candles: Candles) -> None:
    assert rows(attrs.evolve(QUICK, adx_period=3).signals(candles(SWINGS))) == [6]  # 2 * 3 - 1 = 5
    assert rows(attrs.evolve(QUICK, adx_period=4).signals(candles(SWINGS))) == []


@pytest.mark.parametrize("scale", [1.0, 0.001, 3_333.3])
@pytest.mark.parametrize(("share", "expected"), [(0.0, [6]), (1e-12, [6]), (1e-6, [])])
def test_a_low_at_the_band_touches_it_whatever_the_last_digits(scale: float, share: float, expected: list[int]) -> None:
    # Closes 0.3, 0.7, 0.1: mean 0.367, deviation 0.249; a band 1.08 deviations below lies at 0.0973, under the close.
    close = np.array([0.3, 0.7, 0.3, 0.7, 0.3, 0.7, 0.1]) * scale
    low = close * 0.99
    low[-1] = (close[-3:].mean() - 1.08 * close[-3:].std()) * (1 + share)
    bars = Bars("T/USDT", Timeframe("5m"), np.arange(7) * 300_000_000_000, close, close * 1.5, low, close, close)
    assert rows(attrs.evolve(QUICK, bb_std=1.08).signals(bars)) == expected


def test_a_market_that_stands_still_touches_nothing() -> None:
    close = np.r_[markets.ranging(3, 500).close, np.full(600, 99.1)]
    bars = Bars("T/USDT", Timeframe("5m"), np.arange(1_100) * 300_000_000_000, close, close, close, close, close)
    open_to_all = MeanReversionStrategy(rsi_oversold=50.0, adx_threshold=100.0, allow_short=True)
    assert max(np.flatnonzero(open_to_all.signals(bars).entry)) < 520


def test_shorts_are_off_by_default_and_mirror_longs(candles: Candles) -> None:
    rising = candles([30.0 - close for close in SWINGS])
    assert rows(QUICK.signals(rising), SHORT) == []
    signals = attrs.evolve(QUICK, allow_short=True).signals(rising)
    assert rows(signals, SHORT) == [6]
    assert signals.stop[6] == pytest.approx(20 + 1.5 * WIDTH)
    assert targets(signals)[6] == pytest.approx(20.0)


@pytest.mark.parametrize("seed", range(5))
def test_a_market_upside_down_swaps_longs_and_shorts(seed: int) -> None:
    rng = np.random.default_rng(seed)
    close = 5_000.0 + np.cumsum(rng.integers(-9, 10, 2_000))  # whole numbers: turning them over loses no digit
    up, down = rng.integers(0, 5, (2, 2_000))
    times, volume = np.arange(2_000) * 300_000_000_000, rng.integers(1, 100, 2_000)
    market = Bars("T/USDT", Timeframe("5m"), times, close, close + up, close - down, close, volume)
    turned = 10_000.0 - close
    mirror = Bars("T/USDT", Timeframe("5m"), times, turned, turned + down, turned - up, turned, volume)
    strategy = MeanReversionStrategy(allow_short=True, adx_threshold=30.0)
    one, other = strategy.signals(market), strategy.signals(mirror)
    assert rows(one)
    assert rows(one, SHORT)
    np.testing.assert_array_equal(one.entry, -other.entry)
    np.testing.assert_allclose(one.stop, 10_000.0 - other.stop)
    np.testing.assert_allclose(targets(one), 10_000.0 - targets(other))


def test_reasons_are_worded_with_the_numbers(candles: Candles) -> None:
    bars = candles(SWINGS)
    adx = f"{indicators.adx(bars, 2).item(6):.1f}"
    assert QUICK.signals(bars).reason(6) == f"touch: low 7 at the lower band 8.36701, RSI 22.9, ADX {adx}"
    rising = candles([30.0 - close for close in SWINGS])
    short = attrs.evolve(QUICK, allow_short=True).signals(rising)
    assert short.reason(6) == f"touch: high 23 at the upper band 21.633, RSI 77.1, ADX {adx}"


def test_d073_warmup_is_declared_and_short_histories_have_no_entry() -> None:
    # ADX(14) is the slowest: 27 bars to its first value, 388 until the first of them no longer counts.
    assert MeanReversionStrategy().warmup == 27 + 388
    easy = MeanReversionStrategy(rsi_oversold=50.0, adx_threshold=100.0, bb_std=0.1)
    for size in range(28):
        assert rows(easy.signals(markets.ranging(0, size))) == []
    assert rows(easy.signals(markets.ranging(0, 60)))


def test_d073_every_window_counts_for_the_warmup() -> None:
    assert MeanReversionStrategy(bb_period=1_000).warmup == 999
    assert MeanReversionStrategy(rsi_period=50).warmup == indicators.warmup_bars("RSI", timeperiod=50)
    assert MeanReversionStrategy(adx_period=50).warmup == indicators.warmup_bars("ADX", timeperiod=50)


def test_d075_a_history_of_warmup_bars_says_what_the_whole_says(real_bars: Bars) -> None:
    strategy = MeanReversionStrategy(allow_short=True)
    whole, skip = strategy.signals(real_bars), strategy.warmup
    assert len(rows(whole)) > 20
    crash = real_bars.index_at(1_692_308_400_000_000_000)  # 2023-08-17 21:40 UTC: a seed far too large
    for start in (1, crash - 13, crash, *range(500, 29_000, 1_900)):
        part = strategy.signals(real_bars.slice(start, start + skip + 600))
        longer = slice(start + skip, start + len(part.entry))
        np.testing.assert_array_equal(part.entry[skip:], whole.entry[longer])
        np.testing.assert_allclose(part.stop[skip:], whole.stop[longer], rtol=1e-9)
        np.testing.assert_allclose(targets(part)[skip:], targets(whole)[longer], rtol=1e-9)


def test_d076_a_nan_bar_never_reaches_the_strategy() -> None:
    bars = markets.ranging(0, 600)
    close = bars.close.copy()
    close[300] = np.nan
    with pytest.raises(DataError, match=r"row 300 .*close is not a finite number"):
        attrs.evolve(bars, close=close)


def test_d077_a_stop_above_the_close_is_stated_as_it_is(candles: Candles) -> None:
    # The sum is 14 * 100 + 100 + 84, the mean 99; squares of the distances 7 * 4 + 1 + 225 = 254 over 16 closes.
    closes = [101, 99] * 7 + [100, 84]
    strategy = attrs.evolve(QUICK, bb_period=16, bb_std=2.0)
    signals = strategy.signals(candles(closes))
    assert rows(signals) == [15]
    assert signals.stop[15] == pytest.approx(99 - 3 * (254 / 16) ** 0.5)  # 87.05, three above the close
    assert signals.stop[15] > 84


def test_d078_a_target_below_the_close_is_stated_as_it_is(candles: Candles) -> None:
    # Two closes, 84 and 85: mean 84.5, deviation 0.5, lower band 84, which only the low of 84 reaches.
    # RSI(2) after falls of 4 and a rise of 1: gains 0.5, losses 2, so 20.
    signals = attrs.evolve(QUICK, bb_period=2).signals(candles([100, 96, 92, 88, 84, 85]))
    assert rows(signals) == [5]
    assert targets(signals)[5] == pytest.approx(84.5)


@pytest.mark.parametrize("dtype", [np.int64, np.float32])
def test_d079_columns_of_other_number_types_give_the_same(candles: Candles, dtype: type) -> None:
    bars = candles(SWINGS)
    columns = {name: getattr(bars, name).astype(dtype) for name in ("open", "high", "low", "close", "volume")}
    other = Bars("TEST/USDT", Timeframe("5m"), bars.time, **columns)
    np.testing.assert_array_equal(QUICK.signals(other).entry, QUICK.signals(bars).entry)


@pytest.mark.parametrize(
    "options, text",
    [
        ({"bb_period": 1}, "'bb_period' must be >= 2"),
        ({"bb_period": 100_001}, "'bb_period' must be <= 100000"),
        ({"bb_std": 0.0}, "'bb_std' must be > 0"),
        ({"bb_std": float("inf")}, "'bb_std' must be < inf"),
        ({"rsi_period": -5}, "'rsi_period' must be >= 2"),
        ({"rsi_oversold": 50.5}, "'rsi_oversold' must be <= 50"),
        ({"adx_period": 0}, "'adx_period' must be >= 2"),
        ({"adx_threshold": float("nan")}, "'adx_threshold' must be >= 0"),
        ({"stop_width": -0.5}, "'stop_width' must be > 0"),
        ({"confidence": 1.1}, "'confidence' must be <= 1"),
    ],
)
def test_d080_bad_options_fail_before_any_data(options: dict[str, float], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        MeanReversionStrategy(**options)  # type: ignore[arg-type]


@pytest.mark.parametrize("options", [{"bb_period": "20"}, {"rsi_period": 2.5}, {"allow_short": "no"}])
def test_d080_text_is_no_number(options: dict[str, object]) -> None:
    with pytest.raises(TypeError, match=next(iter(options))):
        MeanReversionStrategy(**options)  # type: ignore[arg-type]
