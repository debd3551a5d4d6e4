"""When ``volatility-expansion`` enters and with which levels: bars made by hand, real candles, the seed's defects."""

from __future__ import annotations

from collections.abc import Callable

import attrs
import numpy as np
import pytest

from quantsail_framework import LONG, SHORT, Bars, Signals, indicators
from quantsail_framework.testing import markets
from quantsail_volatility_expansion.strategy import VolatilityExpansionStrategy

Candles = Callable[..., Bars]

# Periods so short that a handful of bars decides.
QUICK = VolatilityExpansionStrategy(
    bb_period=2, bb_std=0.5, squeeze_lookback=3, squeeze_bars=1, atr_period=2, volume_period=2
)
# Bands of two closes a and b: middle (a + b) / 2, each band half of |b - a| / 2 away, BandWidth 0.5 * |b - a| / middle.
# Widths 0.5 * 4 / 12, 0.5 * 2 / 13 and 0 before the last bar: quiet. Its upper band is 14 + 0.5 * 2 = 15.
# True ranges 15 - 10 = 5, 14 - 11 = 3, 13 - 11 = 2, 17 - 12 = 5; ATR(2) 4, (4 + 2) / 2 = 3, (3 + 5) / 2 = 4.
QUIET_THEN_UP = [10, 14, 12, 12, 16]
# The same with the quiet bar one earlier: widths 0.5 * 4 / 12, 0 and 0.5 * 2 / 13.
QUIET_BEFORE = [10, 14, 14, 12, 16]


def rows(signals: Signals, side: int = LONG) -> list[int]:
    return np.flatnonzero(signals.entry == side).tolist()


def test_enters_with_levels_from_the_atr(candles: Candles) -> None:
    signals = QUICK.signals(candles(QUIET_THEN_UP))
    assert rows(signals) == [4]
    assert signals.stop[4] == pytest.approx(16 - 2 * 4)
    assert signals.target is not None
    assert signals.target[4] == pytest.approx(16 + 3 * 4)
    assert np.isnan(signals.stop[:4]).all()


def test_stop_atr_and_target_atr_scale_the_levels(candles: Candles) -> None:
    signals = attrs.evolve(QUICK, stop_atr=0.5, target_atr=10.0).signals(candles(QUIET_THEN_UP))
    assert signals.target is not None
    assert (signals.stop[4], signals.target[4]) == (pytest.approx(14.0), pytest.approx(56.0))


def test_the_lowest_width_must_be_a_fresh_one(candles: Candles) -> None:
    bars = candles(QUIET_BEFORE)
    assert rows(QUICK.signals(bars)) == []
    assert rows(attrs.evolve(QUICK, squeeze_bars=2).signals(bars)) == [4]


def test_squeeze_lookback_is_the_number_of_bars_looked_back(candles: Candles) -> None:
    # Widths 0, 0.5 * 4 / 12, 0.5 * 2 / 13, 0.5 * 1 / 12.5 before the last bar: the smallest of three, not of four.
    bars = candles([10, 10, 14, 12, 13, 18])
    assert rows(QUICK.signals(bars)) == [5]
    assert rows(attrs.evolve(QUICK, squeeze_lookback=4).signals(bars)) == []


def test_a_width_as_low_as_another_is_the_lowest_too(candles: Candles) -> None:
    bars = candles([10, 14, 14, 14, 18])
    assert rows(QUICK.signals(bars)) == [4]


def test_the_true_range_must_exceed_the_atr_of_the_bar_before(candles: Candles) -> None:
    # 5 against 3 before: 1.667 of it.
    bars = candles(QUIET_THEN_UP)
    assert rows(attrs.evolve(QUICK, expansion_atr=1.66).signals(bars)) == [4]
    assert rows(attrs.evolve(QUICK, expansion_atr=1.67).signals(bars)) == []
    # ATR(1) of the bar before is its own true range, 2.
    assert rows(attrs.evolve(QUICK, atr_period=1, expansion_atr=2.49).signals(bars)) == [4]
    assert rows(attrs.evolve(QUICK, atr_period=1, expansion_atr=2.51).signals(bars)) == []


def test_the_close_must_pass_the_band(candles: Candles) -> None:
    # The close of 16 lies two above the middle, as the deviation: beyond the band up to one deviation, not at it.
    bars = candles(QUIET_THEN_UP)
    assert rows(attrs.evolve(QUICK, bb_std=0.99).signals(bars)) == [4]
    assert rows(attrs.evolve(QUICK, bb_std=1.0).signals(bars)) == []


def test_bb_period_sets_the_bands(candles: Candles) -> None:
    # Three closes 12, 12, 16: mean 13.33, deviation 1.89, half of it above lies below 16. The first width needs three
    # closes, so the look-back of three widths is full at index 4 at the earliest.
    strategy = attrs.evolve(QUICK, bb_period=3)
    assert rows(strategy.signals(candles(QUIET_THEN_UP))) == []
    assert rows(strategy.signals(candles([10, 14, 14, 12, 12, 12, 16]))) == [6]


def test_volume_must_exceed_its_mean_with_the_bar_itself(candles: Candles) -> None:
    # Mean of 5 and 6 is 5.5; of 6 and 5 as much; of four, (1 + 1 + 9 + 6) / 4 = 4.25.
    assert rows(QUICK.signals(candles(QUIET_THEN_UP, [5, 5, 5, 5, 6]))) == [4]
    assert rows(QUICK.signals(candles(QUIET_THEN_UP, [5, 5, 5, 6, 5]))) == []
    assert rows(QUICK.signals(candles(QUIET_THEN_UP, [5, 5, 5, 5, 5]))) == []
    assert rows(attrs.evolve(QUICK, volume_period=4).signals(candles(QUIET_THEN_UP, [1, 1, 1, 9, 6]))) == [4]
    assert rows(attrs.evolve(QUICK, volume_period=0).signals(candles(QUIET_THEN_UP, [5, 5, 5, 6, 5]))) == [4]


def test_shorts_are_off_by_default_and_mirror_longs(candles: Candles) -> None:
    falling = candles([30.0 - close for close in QUIET_THEN_UP])
    assert rows(QUICK.signals(falling), SHORT) == []
    signals = attrs.evolve(QUICK, allow_short=True).signals(falling)
    assert rows(signals, SHORT) == [4]
    assert rows(signals) == []
    assert signals.target is not None
    assert (signals.stop[4], signals.target[4]) == (pytest.approx(14 + 8), pytest.approx(14 - 12))


def test_reasons_are_worded_with_the_numbers(candles: Candles) -> None:
    text = QUICK.signals(candles(QUIET_THEN_UP)).reason(4)
    # Volumes are 1 to 5: the mean of 4 and 5 is 4.5, and 5 / 4.5 = 1.11; the range 5 / 3 = 1.67.
    assert text == "breakout: close 16 above upper band 15 after a squeeze, range 1.7x ATR, volume 1.1x its mean"
    quiet = attrs.evolve(QUICK, allow_short=True, volume_period=0)
    falling = quiet.signals(candles([30.0 - close for close in QUIET_THEN_UP]))
    assert falling.reason(4) == "breakdown: close 14 below lower band 15 after a squeeze, range 1.7x ATR"


def test_d073_warmup_is_declared_and_short_histories_have_no_entry() -> None:
    # The ATR of the bar before the signal bar: 14 bars to its first value, 342 until that no longer counts, and one.
    assert VolatilityExpansionStrategy().warmup == 14 + 342 + 1
    easy = VolatilityExpansionStrategy(
        bb_std=0.1, squeeze_lookback=11, squeeze_bars=10, expansion_atr=0.1, volume_period=0
    )
    # The last bar before the signal bar completes the eleventh width, 19 bars after the first close.
    for size in range(31):
        assert rows(easy.signals(markets.trending(0, size))) == []
    assert rows(easy.signals(markets.trending(0, 60)))


def test_d074_every_window_counts_for_the_warmup() -> None:
    assert VolatilityExpansionStrategy(squeeze_lookback=1_000).warmup == 19 + 1_000
    assert VolatilityExpansionStrategy(bb_period=500).warmup == 499 + 125
    assert VolatilityExpansionStrategy(volume_period=1_000).warmup == 999


def test_d075_a_history_of_warmup_bars_says_what_the_whole_says(real_bars: Bars) -> None:
    strategy = VolatilityExpansionStrategy(allow_short=True)
    whole, skip = strategy.signals(real_bars), strategy.warmup
    assert len(rows(whole)) > 50
    crash = real_bars.index_at(1_692_308_400_000_000_000)  # 2023-08-17 21:40 UTC: a seed far too large
    for start in (1, crash - 13, crash, *range(500, 29_000, 1_900)):
        part = strategy.signals(real_bars.slice(start, start + skip + 600))
        longer = slice(start + skip, start + len(part.entry))
        np.testing.assert_array_equal(part.entry[skip:], whole.entry[longer])
        np.testing.assert_allclose(part.stop[skip:], whole.stop[longer], rtol=1e-9)


def test_real_candles_against_pandas(real_bars: Bars) -> None:
    frame = real_bars.to_frame()
    close, mean = frame.close, frame.close.rolling(20).mean()
    deviation = frame.close.rolling(20).std(ddof=0)
    width = 4 * deviation / mean
    squeezed = (width.rolling(10).min() == width.rolling(125).min()).shift(1, fill_value=False)
    before = close.shift(1)
    true_range = np.maximum(frame.high, before) - np.minimum(frame.low, before)
    wide = true_range > 1.5 * np.r_[np.nan, indicators.atr(real_bars, 14)[:-1]]
    wide &= squeezed & (frame.volume > frame.volume.rolling(20).mean())
    long, short = wide & (close > mean + 2 * deviation), wide & (close < mean - 2 * deviation)
    signals = VolatilityExpansionStrategy(allow_short=True).signals(real_bars)
    np.testing.assert_array_equal(signals.entry, long.astype(int) - short.astype(int))
    np.testing.assert_array_equal(VolatilityExpansionStrategy().signals(real_bars).entry, long.astype(int))


@pytest.mark.parametrize(
    "options, text",
    [
        ({"bb_period": 1}, "'bb_period' must be >= 2"),
        ({"bb_std": 0.0}, "'bb_std' must be > 0"),
        ({"squeeze_lookback": 100_001}, "'squeeze_lookback' must be <= 100000"),
        ({"squeeze_bars": 0}, "'squeeze_bars' must be >= 1"),
        ({"squeeze_bars": 125}, "must be less than squeeze_lookback, which is 125"),
        ({"atr_period": 0}, "'atr_period' must be >= 1"),
        ({"expansion_atr": float("nan")}, "'expansion_atr' must be > 0"),
        ({"volume_period": 1}, "volume_period of 1 compares a bar with itself"),
        ({"stop_atr": -1.0}, "'stop_atr' must be > 0"),
        ({"target_atr": float("inf")}, "'target_atr' must be < inf"),
    ],
)
def test_d080_bad_options_fail_before_any_data(options: dict[str, float], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        VolatilityExpansionStrategy(**options)  # type: ignore[arg-type]


def test_without_volume_nothing_passes_the_filter(candles: Candles) -> None:
    silent = candles(QUIET_THEN_UP, [0] * 5)
    assert rows(QUICK.signals(silent)) == []
    assert QUICK.needs_volume == "volume_period = 0"
    unfiltered = attrs.evolve(QUICK, volume_period=0)
    assert unfiltered.needs_volume is None
    assert rows(unfiltered.signals(silent)) == [4]
