"""What the indicators compute: numbers worked by hand, slow re-computations, and NumPy as an oracle."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quantsail_framework import indicators as ta
from quantsail_framework.domain.bars import Bars
from quantsail_framework.domain.timeframe import Timeframe
from quantsail_framework.testing import markets

NAN = float("nan")


def candles(high: list[float], low: list[float], close: list[float], volume: list[float] | None = None) -> Bars:
    """Five-minute bars that open at their close."""
    size = len(close)
    times = np.arange(size) * 300_000_000_000
    amounts = [1.0] * size if volume is None else volume
    return Bars("TEST/USDT", Timeframe("5m"), times, open=close, high=high, low=low, close=close, volume=amounts)


def closes(*values: float) -> Bars:
    return candles(list(values), list(values), list(values))


def test_sma_is_the_mean_of_the_window() -> None:
    # (1 + 2 + 3) / 3 = 2, (2 + 3 + 7) / 3 = 4
    np.testing.assert_array_equal(ta.sma(closes(1, 2, 3, 7), 3), [NAN, NAN, 2.0, 4.0])


def test_ema_starts_from_the_mean_and_weighs_the_new_value() -> None:
    # seed (1 + 2 + 3) / 3 = 2; weight 2 / (3 + 1) = 0.5; then 2 + 0.5 * (7 - 2) = 4.5
    np.testing.assert_allclose(ta.ema(closes(1, 2, 3, 7), 3), [NAN, NAN, 2.0, 4.5])


def test_rsi_by_hand() -> None:
    # gains 1, 0, 2 and losses 0, 1, 0. First averages of 2: 0.5 and 0.5, so 100 * 0.5 / 1 = 50.
    # Then gain (0.5 + 2) / 2 = 1.25, loss (0.5 + 0) / 2 = 0.25, so 100 * 1.25 / 1.5 = 83.33.
    np.testing.assert_allclose(ta.rsi(closes(10, 11, 10, 12), 2), [NAN, NAN, 50.0, 250.0 / 3.0])


def test_deviation_and_bollinger_by_hand() -> None:
    # 1, 2, 3: mean 2, squares of the distances 1 + 0 + 1, so sqrt(2 / 3) = 0.8165
    bars, sd = closes(1, 2, 3), (2.0 / 3.0) ** 0.5
    np.testing.assert_allclose(ta.deviation(bars, 3), [NAN, NAN, sd])
    upper, middle, lower = ta.bollinger(bars, 3, deviations=1.5)
    np.testing.assert_allclose([upper[2], middle[2], lower[2]], [2 + 1.5 * sd, 2.0, 2 - 1.5 * sd])


def test_bandwidth_is_the_distance_of_the_bands_over_the_middle() -> None:
    # Bands one and a half deviations of sqrt(2 / 3) around 2.
    np.testing.assert_allclose(ta.bandwidth(closes(1, 2, 3), 3, deviations=1.5), [NAN, NAN, 3 * (2 / 3) ** 0.5 / 2])


def test_true_range_reaches_back_to_the_last_close() -> None:
    # Against a close of 9: a bar of 10 to 11 has 2, one of 5 to 7 has 4, one that holds it its own 3.
    for high, low, expected in ((11, 10, 2), (7, 5, 4), (10, 7, 3)):
        bars = candles(high=[9, high], low=[9, low], close=[9, (high + low) / 2])
        np.testing.assert_array_equal(ta.true_range(bars), [NAN, expected])


def test_above_takes_what_differs_by_rounding_for_equal() -> None:
    values, levels = (
        np.array([1.0, 1 + 1e-12, 1 + 1e-6, -1.0, NAN, 2.0]),
        np.array([1.0, 1.0, 1.0, -1 - 1e-6, 1.0, NAN]),
    )
    assert ta.above(values, levels).tolist() == [False, False, True, True, False, False]


def test_a_level_that_is_a_price_but_for_rounding_is_snapped_to_it() -> None:
    # 0.1 + 0.2 is 0.30000000000000004; a third of a million is no price of ten digits.
    levels = np.array([0.1 + 0.2, 1e6 / 3, 5.0 * (1 + 1e-13), 5.0 * (1 + 1e-12), -(0.1 + 0.2), NAN, 0.0])
    expected = [0.3, 1e6 / 3, 5.0, 5.0 * (1 + 1e-12), -0.3, NAN, 0.0]
    np.testing.assert_array_equal(ta.snapped(levels), expected)


@given(st.integers(1, 10**9), st.integers(-8, 2), st.floats(-1e-13, 1e-13))
def test_every_price_is_found_again_behind_its_rounding(units: int, exponent: int, noise: float) -> None:
    price = float(f"{units}e{exponent}")
    assert ta.snapped(np.array([price * (1 + noise)]))[0] == pytest.approx(price, rel=3e-16)


@given(st.floats(1e-8, 1e7))
def test_snapping_moves_nothing_by_more_than_rounding(price: float) -> None:
    assert ta.snapped(np.array([price]))[0] == pytest.approx(price, rel=2e-13)


def test_highest_and_lowest_include_the_bar_itself() -> None:
    bars = candles(high=[5, 7, 6, 4], low=[3, 2, 3, 1], close=[4, 4, 4, 2])
    np.testing.assert_array_equal(ta.highest(bars, 2), [NAN, 7, 7, 6])
    np.testing.assert_array_equal(ta.lowest(bars, 2), [NAN, 2, 2, 1])
    np.testing.assert_array_equal(ta.highest(bars, 2, source="close"), [NAN, 4, 4, 4])


def test_a_window_of_one_bar_is_the_bar() -> None:
    bars = candles(high=[5, 7], low=[3, 2], close=[4, 4])
    np.testing.assert_array_equal(ta.highest(bars, 1), [5, 7])
    np.testing.assert_array_equal(ta.lowest([NAN, 3.0], 1), [NAN, 3.0])
    with pytest.raises(ValueError, match="no source 'closed'"):
        ta.highest(bars, 1, source="closed")


def test_mean_volume_reads_volume() -> None:
    bars = candles([1, 1, 1], [1, 1, 1], [1, 1, 1], volume=[10, 20, 60])
    np.testing.assert_allclose(ta.mean_volume(bars, 2), [NAN, 15.0, 40.0])


def test_atr_by_hand() -> None:
    # True ranges from the second bar on: max(11, 9) - min(10, 9) = 2; max(14, 10) - min(12, 10) = 4 (a gap up);
    # max(14, 13) - min(11, 13) = 3. First ATR(2) = (2 + 4) / 2 = 3, then (3 * 1 + 3) / 2 = 3; a last bar with
    # range 1 gives (3 + 1) / 2 = 2.
    bars = candles(high=[10, 11, 14, 14, 13], low=[9, 9, 12, 11, 12], close=[9, 10, 13, 12, 12])
    np.testing.assert_allclose(ta.atr(bars, 2), [NAN, NAN, 3.0, 3.0, 2.0])


def slow_adx(bars: Bars, period: int) -> list[float]:
    """Wilder's ADX as his book tabulates it: running sums of n - 1 bars, then each less its n-th part plus the new."""
    up_sum = down_sum = range_sum = 0.0
    strengths: list[float] = []
    adx: list[float] = [NAN] * len(bars)
    for i in range(1, len(bars)):
        up, down = bars.high[i] - bars.high[i - 1], bars.low[i - 1] - bars.low[i]
        plus = up if up > down and up > 0 else 0.0
        minus = down if down > up and down > 0 else 0.0
        true_range = max(bars.high[i], bars.close[i - 1]) - min(bars.low[i], bars.close[i - 1])
        kept = 1.0 if i < period else 1.0 - 1.0 / period
        up_sum, down_sum = up_sum * kept + plus, down_sum * kept + minus
        range_sum = range_sum * kept + true_range
        if i < period:
            continue
        plus_di, minus_di = up_sum / range_sum, down_sum / range_sum
        strengths.append(100.0 * abs(plus_di - minus_di) / (plus_di + minus_di))
        if i == 2 * period - 1:
            adx[i] = sum(strengths) / period
        elif i >= 2 * period:
            adx[i] = (adx[i - 1] * (period - 1) + strengths[-1]) / period
    return adx


@pytest.mark.parametrize("period", [2, 5, 14])
@pytest.mark.parametrize("make", [markets.trending, markets.ranging, markets.gapping, markets.crash])
def test_adx_equals_wilders_table(make: object, period: int) -> None:
    bars = make(3, 300)  # type: ignore[operator]
    np.testing.assert_allclose(ta.adx(bars, period), slow_adx(bars, period), rtol=1e-9)


VALUES = st.lists(st.floats(0.01, 1e6), min_size=1, max_size=60)


@settings(max_examples=60, deadline=None)
@given(VALUES, st.integers(2, 20))
def test_windows_equal_numpys(values: list[float], period: int) -> None:
    if len(values) < period:
        assert np.isnan(ta.sma(values, period)).all()
        return
    windows = np.lib.stride_tricks.sliding_window_view(np.array(values), period)
    np.testing.assert_allclose(ta.sma(values, period)[period - 1 :], windows.mean(axis=1), rtol=1e-9)
    np.testing.assert_array_equal(ta.highest(values, period)[period - 1 :], windows.max(axis=1))
    np.testing.assert_array_equal(ta.lowest(values, period)[period - 1 :], windows.min(axis=1))


def test_any_function_by_name_gives_all_its_outputs() -> None:
    bars = markets.trending(0, 200)
    macd, signal, histogram = ta.talib_function(bars, "MACD", fastperiod=5, slowperiod=10, signalperiod=4)
    np.testing.assert_allclose(histogram[20:], (macd - signal)[20:])
    # The slow average begins after 10 - 1 bars, the signal's average of 4 of those 3 bars later.
    assert ta.lookback("MACD", fastperiod=5, slowperiod=10, signalperiod=4) == 12
    (volume_flow,) = ta.talib_function(bars, "OBV")
    assert volume_flow[1] == pytest.approx(bars.volume[0] + np.sign(bars.close[1] - bars.close[0]) * bars.volume[1])


def test_whole_number_outputs_become_floats_with_a_head() -> None:
    bars = markets.random_walk(5, 400)
    (doji,) = ta.talib_function(bars, "CDLDOJI")
    head = ta.lookback("CDLDOJI")
    assert doji.dtype == np.float64
    assert np.isnan(doji[:head]).all()
    assert set(doji[head:]) == {0.0, 100.0}


def test_an_indicator_of_an_indicator_keeps_its_head() -> None:
    bars = markets.trending(0, 100)
    smoothed = ta.sma(ta.rsi(bars, 14), 5)
    # RSI(14) begins at 14, the mean of five of them four bars later.
    assert np.flatnonzero(~np.isnan(smoothed))[0] == 18
    assert smoothed[18] == pytest.approx(ta.rsi(bars, 14)[14:19].mean())
