"""What holds of every indicator: heads, read-only results, memory of what was computed, refusals."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from quantsail_framework import indicators as ta
from quantsail_framework.domain.bars import Bars, Floats
from quantsail_framework.errors import DataError
from quantsail_framework.testing import markets

NAMED: dict[str, tuple[Callable[[Bars], Floats], int]] = {
    "sma": (lambda bars: ta.sma(bars, 10), 9),
    "ema": (lambda bars: ta.ema(bars, 10), 9),
    "rsi": (lambda bars: ta.rsi(bars, 14), 14),
    "deviation": (lambda bars: ta.deviation(bars, 20), 19),
    "bollinger": (lambda bars: ta.bollinger(bars, 20)[0], 19),
    "bandwidth": (lambda bars: ta.bandwidth(bars, 20), 19),
    "highest": (lambda bars: ta.highest(bars, 20), 19),
    "lowest": (lambda bars: ta.lowest(bars, 20), 19),
    "mean_volume": (lambda bars: ta.mean_volume(bars, 20), 19),
    "true_range": (ta.true_range, 1),
    "atr": (lambda bars: ta.atr(bars, 14), 14),
    "adx": (lambda bars: ta.adx(bars, 14), 27),
}
ANY = [
    "NATR",
    "CCI",
    "WILLR",
    "MFI",
    "AROONOSC",
    "ADXR",
    "KAMA",
    "TRIX",
    "OBV",
    "SAR",
    "HT_TRENDLINE",
    "CORREL",
    "MACD",
]


@pytest.mark.parametrize("name", NAMED)
def test_nan_fills_the_head_and_nothing_else(name: str) -> None:
    compute, head = NAMED[name]
    for bars in (markets.trending(1, 300), markets.crash(2, 300), markets.random_walk(3, 300, silent_bars=True)):
        values = compute(bars)
        assert values.dtype == np.float64
        assert values.shape == (300,)
        assert np.isnan(values[:head]).all()
        assert np.isfinite(values[head:]).all()


@pytest.mark.parametrize("name", ANY)
def test_the_head_of_any_function_is_its_lookback(name: str) -> None:
    for values in ta.talib_function(markets.ranging(1, 300), name):
        assert np.flatnonzero(np.isfinite(values)).tolist() == list(range(ta.lookback(name), 300))


def test_lookback_follows_the_parameters() -> None:
    # ADX(n) needs one bar for the first move, n - 1 more for its sums and n for the first average: 2n - 1 before it.
    assert [ta.lookback("ADX", timeperiod=n) for n in (2, 14, 20)] == [3, 27, 39]
    assert ta.lookback("ATR", timeperiod=14) == 14
    assert ta.lookback("SMA", timeperiod=50) == 49


@pytest.mark.parametrize("name", NAMED)
def test_d073_too_few_bars_give_nan_and_no_error(name: str) -> None:
    compute, head = NAMED[name]
    bars = markets.trending(1, 100)
    for size in sorted({0, 1, min(2, head), head - 1, head}):
        values = compute(bars.slice(0, size))
        assert values.shape == (size,)
        assert np.isnan(values).all()
    assert np.isfinite(compute(bars.slice(0, head + 1))[head])


@pytest.mark.parametrize("name", NAMED)
def test_results_cannot_be_written_to(name: str) -> None:
    values = NAMED[name][0](markets.trending(1, 60))
    with pytest.raises(ValueError, match="read-only"):
        values[-1] = 0.0
    assert not NAMED[name][0](markets.trending(1, 3)).flags.writeable


def test_the_same_parameters_are_computed_once() -> None:
    bars = markets.trending(1, 300)
    assert ta.adx(bars, 14) is ta.adx(bars, 14)
    assert ta.adx(bars) is ta.talib_function(bars, "ADX")[0]
    assert ta.mean_volume(bars, 20) is ta.sma(bars, 20, source="volume")
    assert ta.sma(bars, 20) is not ta.sma(bars, 21)
    assert ta.sma(bars, 20) is not ta.sma(bars, 20, source="high")
    assert ta.adx(bars, 14) is not ta.adx(markets.trending(1, 300), 14)


def test_what_a_strategy_finds_is_found_once_for_its_key() -> None:
    bars, asked = markets.trending(1, 300), []

    def found(key: str) -> np.ndarray:
        def make() -> np.ndarray:
            asked.append(key)
            return np.flatnonzero(bars.close > ta.sma(bars, 20))

        return ta.once(bars, ("mine", key), make)

    assert found("one") is found("one")
    assert found("other") is not found("one")
    assert asked == ["one", "other"]
    with pytest.raises(ValueError, match="read-only"):
        found("one")[0] = 1
    ta.once(markets.trending(1, 300), ("mine", "one"), lambda: np.zeros(3))
    assert len(found("one")) > 3  # other bars, another memory
    own = np.arange(5.0)
    kept = ta.once(bars, ("mine", "view"), lambda: own[:3])
    own[0] = 7.0
    assert kept.tolist() == [0.0, 1.0, 2.0]
    with pytest.raises(TypeError, match=r"made for \('mine', 'list'\) is a value of type list; it must be"):
        ta.once(bars, ("mine", "list"), lambda: [1, 2])  # type: ignore[arg-type, return-value]
    with pytest.raises(TypeError, match="a function that makes the array, not a value of type ndarray"):
        ta.once(bars, ("mine", "array"), own)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"\['mine'\] is no key; make it a tuple"):
        ta.once(bars, ["mine"], lambda: own)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"\('mine', \[1\]\) is no key; make it a tuple"):
        ta.once(bars, ("mine", [1]), lambda: own)


def test_two_functions_of_one_key_do_not_share() -> None:
    bars = markets.trending(1, 300)
    rises = ta.once(bars, "mine", lambda: np.flatnonzero(np.diff(bars.close) > 0))
    falls = ta.once(bars, "mine", lambda: np.flatnonzero(np.diff(bars.close) < 0))
    assert not {*rises.tolist()} & {*falls.tolist()}


def test_least_recently_used_results_go_first_above_64_mb() -> None:
    bars = markets.random_walk(1, 200_000)  # 1.6 MB a column: 41 of them fit, not 42
    first, second = ta.sma(bars, 2), ta.sma(bars, 3)
    for period in range(4, 43):
        ta.sma(bars, period)
    assert ta.sma(bars, 2) is first
    ta.sma(bars, 43)
    assert ta.sma(bars, 2) is first
    assert ta.sma(bars, 3) is not second
    held = sum(values.nbytes for results in bars.memo.values() for values in results)
    assert held <= 64 * 2**20


def test_threads_get_the_same_numbers() -> None:
    bars, fresh = markets.trending(1, 20_000), markets.trending(1, 20_000)
    wanted = {period: ta.adx(fresh, period) for period in range(2, 12)}
    with ThreadPoolExecutor(8) as pool:
        for period, values in pool.map(lambda n: (n % 10 + 2, ta.adx(bars, n % 10 + 2)), range(80)):
            np.testing.assert_array_equal(values, wanted[period])


def test_d076_nan_after_the_head_is_refused_with_function_and_index() -> None:
    values = np.arange(50.0)
    values[:3] = np.nan
    values[30] = np.nan
    with pytest.raises(DataError, match=r"^SMA: value 30 is nan"):
        ta.sma(values, 5)
    values[30] = np.inf
    with pytest.raises(DataError, match=r"^RSI: value 30 is inf"):
        ta.rsi(values, 14)
    values[30] = 30.0
    assert np.isfinite(ta.sma(values, 5)[7:]).all()


def test_d076_an_array_of_nan_only_has_no_value() -> None:
    assert np.isnan(ta.sma(np.full(20, np.nan), 5)).all()


def test_d076_a_result_that_is_no_number_is_refused_with_its_bar() -> None:
    bars = markets.trending(1, 300)
    # The arc cosine of a price near 100 does not exist.
    with pytest.raises(DataError, match=r"ACOS\(\) is nan at index 0 \(TEST/USDT, 2023-01-02 00:00 UTC\)"):
        ta.talib_function(bars, "ACOS")


@pytest.mark.parametrize("dtype", [np.int64, np.int32, np.float32])
def test_d079_other_number_types_are_converted(dtype: type) -> None:
    values = np.array([1, 2, 3, 7], dtype)
    np.testing.assert_array_equal(ta.sma(values, 3)[2:], [2.0, 4.0])
    np.testing.assert_array_equal(ta.sma(values[::2], 2)[1:], [2.0])


@pytest.mark.parametrize(
    "call, text",
    [
        (lambda bars: ta.sma(bars, 0), r"SMA\(timeperiod=0\): TA-Lib refuses these parameters"),
        (lambda bars: ta.adx(bars, 1), r"ADX\(timeperiod=1\): TA-Lib refuses these parameters"),
        (lambda bars: ta.atr(bars, -5), r"ATR\(timeperiod=-5\): TA-Lib refuses these parameters"),
        (lambda bars: ta.sma(bars, "50"), r"SMA\(timeperiod=50\): "),
        (lambda bars: ta.sma(bars, 50, source="closed"), "SMA: no source 'closed'; choose one of open, high, low"),
        (lambda bars: ta.talib_function(bars, "ADX", source="close"), "ADX always reads high, low, close; leave out"),
        (lambda bars: ta.talib_function(bars, "adx"), "no function 'adx'; did you mean 'ADX'"),
        (lambda bars: ta.talib_function(bars, "ADX", period=14), "ADX has no parameter 'period'; it has: timeperiod"),
        (lambda bars: ta.talib_function(bars, "MAVP"), "MAVP reads close, periods, which candles do not have"),
        (lambda bars: ta.talib_function(bars.close, "ADX"), "ADX reads high, low, close: give it Bars, not an array"),
        (lambda bars: ta.sma(np.ones((5, 2)), 2), r"SMA: the values have shape \(5, 2\); one dimension is needed"),
    ],
)
def test_d080_bad_parameters_are_named(call: Callable[[Bars], object], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        call(markets.trending(1, 100))
    with pytest.raises(ValueError, match=text):
        call(markets.trending(1, 0))
