"""When ``trend`` enters and with which levels: bars made by hand, real candles against pandas, the seed's defects."""

from __future__ import annotations

from collections.abc import Callable

import attrs
import numpy as np
import pytest

from quantsail_framework import LONG, SHORT, Bars, Signals, Timeframe, indicators
from quantsail_framework.errors import DataError
from quantsail_framework.testing import markets
from quantsail_trend.strategy import TrendStrategy

Candles = Callable[..., Bars]

# Periods so short that a handful of bars decides. ADX(2) has its first value at index 3.
QUICK = TrendStrategy(atr_period=2, adx_period=2, ma_period=2, lookback=2, volume_period=2)
# Each close is 3 above the last and 2 above its high: every bar breaks out; ADX is 100, for nothing ever falls.
RISING = [10, 13, 16, 19, 22, 25]


def rows(signals: Signals, side: int = LONG) -> list[int]:
    return np.flatnonzero(signals.entry == side).tolist()


def test_enters_with_levels_from_the_atr(candles: Candles) -> None:
    signals = QUICK.signals(candles(RISING))
    assert rows(signals) == [3, 4, 5]
    # True range = high - last close = (19 + 1) - 16 = 4 at every bar, so ATR = 4: stop 19 - 2 * 4, target 19 + 3 * 4.
    assert signals.stop[3] == pytest.approx(11.0)
    assert signals.target is not None
    assert signals.target[3] == pytest.approx(31.0)
    assert signals.confidence == 0.75


def test_stop_atr_and_target_atr_scale_the_levels(candles: Candles) -> None:
    signals = attrs.evolve(QUICK, stop_atr=0.5, target_atr=10.0).signals(candles(RISING))
    assert signals.target is not None
    assert (signals.stop[3], signals.target[3]) == (pytest.approx(17.0), pytest.approx(59.0))


def test_atr_period_sets_the_atr(candles: Candles) -> None:
    # True ranges 4, 4, 4, 4, then 9 for the jump to 30 (31 - 22). ATR(1) is 9, ATR(2) is (4 + 9) / 2 = 6.5.
    bars = candles([10, 13, 16, 19, 22, 30])
    assert QUICK.signals(bars).stop[5] == pytest.approx(30 - 2 * 6.5)
    assert attrs.evolve(QUICK, atr_period=1).signals(bars).stop[5] == pytest.approx(30 - 2 * 9.0)


def test_levels_are_absent_where_nothing_enters(candles: Candles) -> None:
    signals = QUICK.signals(candles([10, 10, 10, 10, 10, 10]))
    assert rows(signals) == []
    assert np.isnan(signals.stop).all()


def test_adx_must_exceed_the_threshold(candles: Candles) -> None:
    assert rows(attrs.evolve(QUICK, adx_threshold=99.0).signals(candles(RISING))) == [3, 4, 5]
    assert rows(attrs.evolve(QUICK, adx_threshold=100.0).signals(candles(RISING))) == []


def test_adx_period_sets_when_it_is_known(candles: Candles) -> None:
    assert rows(attrs.evolve(QUICK, adx_period=3).signals(candles(RISING))) == [5]  # 2 * 3 - 1


def test_close_must_exceed_the_moving_average(candles: Candles) -> None:
    bars = candles([40, 40, 10, 13, 16, 19])
    loose = attrs.evolve(QUICK, adx_threshold=0.0)
    assert rows(loose.signals(bars)) == [4, 5]
    # The mean of all six closes is 138 / 6 = 23, above the close of 19.
    assert rows(attrs.evolve(loose, ma_period=6).signals(bars)) == []


def test_d072_the_high_is_that_of_the_previous_bars(candles: Candles) -> None:
    # A close never exceeds the high of its own bar: with it in the window nothing could ever enter.
    bars = candles(RISING)
    assert (bars.close < bars.high).all()
    assert rows(QUICK.signals(bars)) == [3, 4, 5]
    # The high two bars before 20 is 19 + 1 = 20: equal is no breakout, and three bars before does not count.
    touch = candles([30, 10, 13, 16, 19, 17, 20])
    assert 6 not in rows(attrs.evolve(QUICK, adx_threshold=0.0).signals(touch))
    above = candles([30, 10, 13, 16, 19, 17, 20.5])
    assert 6 in rows(attrs.evolve(QUICK, adx_threshold=0.0).signals(above))


def test_d072_a_random_walk_has_entries() -> None:
    assert len(rows(TrendStrategy().signals(markets.random_walk(0, 20_000)))) > 50


def test_lookback_is_the_number_of_bars_looked_back(candles: Candles) -> None:
    bars = candles([10, 13, 16, 30, 22, 25, 28])  # 28 is above 26, the last high, and below 31, four bars before it
    loose = attrs.evolve(QUICK, adx_threshold=0.0)
    assert 6 in rows(attrs.evolve(loose, lookback=2).signals(bars))
    assert 6 not in rows(attrs.evolve(loose, lookback=3).signals(bars))


def test_volume_must_exceed_its_mean_with_the_bar_itself(candles: Candles) -> None:
    # Means of two: at 3 (5 + 5) / 2 = 5, not exceeded; at 4 (5 + 6) / 2 = 5.5; at 5 (6 + 4) / 2 = 5.
    bars = candles(RISING, [5, 5, 5, 5, 6, 4])
    assert rows(QUICK.signals(bars)) == [4]
    # Over four bars: at 4 (5 + 5 + 5 + 6) / 4 = 5.25.
    assert rows(attrs.evolve(QUICK, volume_period=4).signals(bars)) == [4]
    assert rows(attrs.evolve(QUICK, volume_period=0).signals(bars)) == [3, 4, 5]


def test_shorts_are_off_by_default_and_mirror_longs(candles: Candles) -> None:
    falling = candles([60.0 - close for close in RISING])
    assert rows(QUICK.signals(falling), SHORT) == []
    signals = attrs.evolve(QUICK, allow_short=True).signals(falling)
    assert rows(signals, SHORT) == [3, 4, 5]
    assert signals.target is not None
    # Close 60 - 19 = 41, ATR 4: stop 41 + 2 * 4, target 41 - 3 * 4.
    assert (signals.stop[3], signals.target[3]) == (pytest.approx(49.0), pytest.approx(29.0))


@pytest.mark.parametrize("seed", range(5))
def test_a_market_upside_down_swaps_longs_and_shorts(seed: int) -> None:
    rng = np.random.default_rng(seed)
    close = 5_000.0 + rng.integers(-9, 10, 2_000).cumsum()  # whole numbers: turning them over loses no digit
    up, down = rng.integers(0, 5, (2, 2_000))
    times, volume = np.arange(2_000) * 300_000_000_000, rng.integers(1, 100, 2_000)
    market = Bars("T/USDT", Timeframe("5m"), times, close, close + up, close - down, close, volume)
    turned = 10_000.0 - close
    mirror = Bars("T/USDT", Timeframe("5m"), times, turned, turned + down, turned - up, turned, volume)
    strategy = TrendStrategy(allow_short=True, adx_threshold=15.0)
    one, other = strategy.signals(market), strategy.signals(mirror)
    assert rows(one)
    assert rows(one, SHORT)
    np.testing.assert_array_equal(one.entry, -other.entry)
    np.testing.assert_allclose(one.stop, 10_000.0 - other.stop)


def test_reasons_are_worded_with_the_numbers(candles: Candles) -> None:
    signals = QUICK.signals(candles(RISING))
    # Volumes are 1 to 6: at index 3 the mean of 3 and 4 is 3.5, and 4 / 3.5 = 1.14.
    assert signals.reason(3) == "breakout: close 19 above 2-bar high 17, ADX 100.0, volume 1.1x its mean"
    quiet = attrs.evolve(QUICK, allow_short=True, volume_period=0, lookback=1)
    falling = quiet.signals(candles([60.0 - close for close in RISING]))
    assert falling.reason(3) == "breakdown: close 41 below 1-bar low 43, ADX 100.0"
    small = Bars("S/USDT", Timeframe("5m"), np.arange(6) * 300_000_000_000, *_tiny(RISING), np.arange(1.0, 7.0))
    assert QUICK.signals(small).reason(3).startswith("breakout: close 0.0000019 above 2-bar high 0.0000017, ADX 100.0")


def _tiny(closes: list[int]) -> list[np.ndarray]:
    """Open, high, low and close in units of 1e-7, as exactly as text has them."""
    close = np.array(closes)
    return [np.array([float(f"{price}e-7") for price in column]) for column in (close, close + 1, close - 1, close)]


def test_real_candles_against_pandas(real_bars: Bars) -> None:
    frame, adx = real_bars.to_frame(), indicators.adx(real_bars, 14)
    close, mean = frame.close, frame.close.rolling(50).mean()
    high, low = frame.high.rolling(20).max().shift(1), frame.low.rolling(20).min().shift(1)
    busy = (adx > 25) & (frame.volume > frame.volume.rolling(20).mean())
    long, short = busy & (close > mean) & (close > high), busy & (close < mean) & (close < low)
    assert long.sum() > 500
    signals = TrendStrategy(allow_short=True).signals(real_bars)
    np.testing.assert_array_equal(signals.entry, long.astype(int) - short.astype(int))
    np.testing.assert_array_equal(TrendStrategy().signals(real_bars).entry, long.astype(int))
    entered = signals.entry != 0
    stops = close - signals.entry * 2 * indicators.atr(real_bars, 14)
    np.testing.assert_allclose(signals.stop[entered], stops[entered])
    assert np.isnan(signals.stop[~entered]).all()


def test_later_bars_change_nothing(real_bars: Bars) -> None:
    strategy = TrendStrategy(allow_short=True)
    whole = strategy.signals(real_bars)
    for size in (416, 5_000, 29_999):
        part = strategy.signals(real_bars.slice(0, size))
        np.testing.assert_array_equal(part.entry, whole.entry[:size])
        np.testing.assert_array_equal(part.stop, whole.stop[:size])


def test_d073_warmup_is_declared_and_short_histories_have_no_entry(candles: Candles) -> None:
    # ADX(14) is the slowest: 27 bars to its first value, 388 until the first of them no longer counts.
    assert TrendStrategy().warmup == 27 + 388
    for size in range(29):
        assert rows(TrendStrategy(adx_threshold=0.0).signals(markets.trending(0, size))) == []


def test_one_strategy_never_gets_the_rows_of_another(real_bars: Bars) -> None:
    """Those of a search share the bars, and what was found in them."""
    others = {
        "adx_period": 20,
        "adx_threshold": 35.0,
        "ma_period": 20,
        "lookback": 60,
        "volume_period": 0,
        "allow_short": True,
        "stop_atr": 1.0,
    }
    found = []
    for options in ({}, *({name: value} for name, value in others.items()), {}):
        fresh = attrs.evolve(real_bars)
        assert not fresh.memo
        shared, alone = (TrendStrategy(**options).signals(bars) for bars in (real_bars, fresh))
        np.testing.assert_array_equal(shared.entry, alone.entry)
        np.testing.assert_array_equal(shared.stop, alone.stop)
        found.append(rows(shared) + rows(shared, SHORT))
    assert found[0] == found[-1] == found[-2]
    assert all(found[0] != other for other in found[1:-2])


def test_d074_the_volume_window_is_an_option_and_part_of_the_warmup() -> None:
    assert TrendStrategy(volume_period=1_000).warmup == 999
    assert TrendStrategy(ma_period=600).warmup == 599
    assert TrendStrategy(lookback=700).warmup == 700
    assert TrendStrategy(atr_period=50).warmup > TrendStrategy().warmup


def test_d075_a_history_of_warmup_bars_says_what_the_whole_says(real_bars: Bars) -> None:
    strategy = TrendStrategy(allow_short=True)
    whole, skip = strategy.signals(real_bars), strategy.warmup
    crash = real_bars.index_at(1_692_308_400_000_000_000)  # 2023-08-17 21:40 UTC: a seed far too large
    for start in (1, crash - 13, crash, *range(500, 29_000, 1_900)):
        part = strategy.signals(real_bars.slice(start, start + skip + 600))
        longer = slice(start + skip, start + len(part.entry))
        np.testing.assert_array_equal(part.entry[skip:], whole.entry[longer])
        np.testing.assert_allclose(part.stop[skip:], whole.stop[longer], rtol=1e-9)
        assert part.target is not None
        assert whole.target is not None
        np.testing.assert_allclose(part.target[skip:], whole.target[longer], rtol=1e-9)


def test_d076_a_nan_bar_never_reaches_the_strategy() -> None:
    bars = markets.trending(0, 600)
    close = bars.close.copy()
    close[300] = np.nan
    with pytest.raises(DataError, match=r"row 300 .*close is not a finite number"):
        attrs.evolve(bars, close=close)


@pytest.mark.parametrize("dtype", [np.int64, np.float32])
def test_d079_columns_of_other_number_types_give_the_same(candles: Candles, dtype: type) -> None:
    bars = candles(RISING)
    columns = {name: getattr(bars, name).astype(dtype) for name in ("open", "high", "low", "close", "volume")}
    other = Bars("TEST/USDT", Timeframe("5m"), bars.time, **columns)
    np.testing.assert_array_equal(QUICK.signals(other).entry, QUICK.signals(bars).entry)


@pytest.mark.parametrize(
    "options, text",
    [
        ({"atr_period": 0}, "'atr_period' must be >= 1"),
        ({"adx_period": 1}, "'adx_period' must be >= 2"),
        ({"ma_period": -5}, "'ma_period' must be >= 2"),
        ({"lookback": 0}, "'lookback' must be >= 1"),
        ({"volume_period": -1}, "'volume_period' must be >= 0"),
        ({"volume_period": 1}, "volume_period of 1 compares a bar with itself"),
        ({"ma_period": 100_001}, "'ma_period' must be <= 100000"),
        ({"adx_threshold": 101.0}, "'adx_threshold' must be <= 100"),
        ({"adx_threshold": float("nan")}, "'adx_threshold' must be >= 0"),
        ({"stop_atr": 0.0}, "'stop_atr' must be > 0"),
        ({"target_atr": float("inf")}, "'target_atr' must be < inf"),
    ],
)
def test_d080_bad_options_fail_before_any_data(options: dict[str, float], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        TrendStrategy(**options)  # type: ignore[arg-type]


@pytest.mark.parametrize("options", [{"ma_period": "50"}, {"lookback": 2.5}, {"allow_short": "no"}])
def test_d080_text_is_no_number(options: dict[str, object]) -> None:
    with pytest.raises(TypeError, match=next(iter(options))):
        TrendStrategy(**options)  # type: ignore[arg-type]


def test_without_volume_nothing_passes_the_filter(candles: Candles) -> None:
    silent = candles(RISING, [0] * 6)
    assert rows(QUICK.signals(silent)) == []
    assert QUICK.needs_volume == "volume_period = 0"
    unfiltered = attrs.evolve(QUICK, volume_period=0)
    assert unfiltered.needs_volume is None
    assert rows(unfiltered.signals(silent)) == [3, 4, 5]


def test_a_close_at_its_average_is_no_signal_whatever_the_history(candles: Candles) -> None:
    """SOL/USDT closed on 2022-10-07 08:15 at its 50-bar mean, but for the last bits of a running sum."""
    strategy = attrs.evolve(QUICK, ma_period=3, lookback=1, volume_period=0, adx_threshold=0.0)

    def entry(closes: list[float]) -> int:
        bars = candles(closes)
        high = bars.close.copy()  # so that the last close passes the bar before it
        open_ = np.minimum(bars.open, high)
        high[-2], open_[-2], low = 60.15, 60.1, np.minimum(bars.low, open_)
        close = np.minimum(bars.close, high)
        return int(strategy.signals(attrs.evolve(bars, open=open_, high=high, low=low, close=close)).entry[-1])

    for head in range(4, 30):
        rising = [50.0 + 0.1 * k for k in range(head)]
        # (60.35 + 60.15 + 60.25) / 3 = 60.25 has no exact sum; a hundredth more is above it.
        assert entry([*rising, 60.35, 60.15, 60.25]) == 0, head
        assert entry([*rising, 60.35, 60.15, 60.28]) == 1, head
