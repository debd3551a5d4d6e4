"""How long recursive indicators remember where their history began: derived, and measured on real candles."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from quantsail_framework import indicators as ta
from quantsail_framework.domain.bars import Bars

RECURSIVE: dict[str, dict[str, float]] = {
    "ATR": {"timeperiod": 14},
    "NATR": {"timeperiod": 20},
    "RSI": {"timeperiod": 14},
    "CMO": {"timeperiod": 9},
    "PLUS_DI": {"timeperiod": 14},
    "MINUS_DI": {"timeperiod": 14},
    "DX": {"timeperiod": 14},
    "ADX": {"timeperiod": 14},
    "ADXR": {"timeperiod": 10},
    "EMA": {"timeperiod": 50},
    "DEMA": {"timeperiod": 20},
    "TEMA": {"timeperiod": 20},
    "TRIX": {"timeperiod": 15},
    "MACD": {"fastperiod": 12, "slowperiod": 26, "signalperiod": 9},
}
# These go from 0 (or -100) to 100 and may be near 0: what counts is their scale.
INDEX = {"RSI", "CMO", "PLUS_DI", "MINUS_DI", "DX", "ADX", "ADXR", "TRIX"}


def test_atr_and_adx_of_14() -> None:
    # One average keeps 13/14 a bar: 1e-9 of a hundredfold error is left when (13/14)**k <= 1e-11, k = 342.
    wanted = math.ceil(math.log(1e-11) / math.log(13 / 14))
    assert wanted == 342
    assert ta.warmup_bars("ATR", timeperiod=14) == 14 + 342 == 356
    # Two in a row: (13/14)**k * (1 + k/14) <= 1e-11 holds from k = 388 on.
    left = [(13 / 14) ** k * (1 + k / 14) for k in (387, 388)]
    assert left[1] <= 1e-11 < left[0]
    assert ta.warmup_bars("ADX", timeperiod=14) == 27 + 388 == 415


def test_finite_functions_need_their_lookback_only() -> None:
    for name in ("SMA", "MAX", "STDDEV", "BBANDS", "CCI", "CDLDOJI"):
        assert ta.warmup_bars(name) == ta.lookback(name)
    assert ta.warmup_bars("ATR", timeperiod=1) == 1  # an average of one bar remembers nothing


@pytest.mark.parametrize("name", ["OBV", "KAMA", "SAR", "HT_TRENDLINE"])
def test_unknown_memory_is_said(name: str) -> None:
    with pytest.raises(ValueError, match=f"how long {name} remembers is not known"):
        ta.warmup_bars(name)
    with pytest.raises(ValueError, match="how long BBANDS remembers"):
        ta.warmup_bars("BBANDS", matype=1)


def difference(bars: Bars, name: str, start: int, skip: int) -> float:
    """How much a history from ``start`` changes the next 300 values, from ``skip`` bars after it on."""
    longer = ta.talib_function(bars, name, **RECURSIVE[name])
    shorter = ta.talib_function(bars.slice(start, start + skip + 300), name, **RECURSIVE[name])
    worst = 0.0
    for whole, part in zip(longer, shorter, strict=True):
        one, two = whole[start + skip : start + skip + 300], part[skip:]
        scale = 100.0 if name in INDEX else bars.close[start] * 1e-3 if name == "MACD" else np.abs(one)
        worst = max(worst, float((np.abs(one - two) / scale).max()))
    return worst


@pytest.mark.parametrize("name", RECURSIVE)
def test_d075_warmup_is_enough_on_real_candles(name: str, real_bars: Callable[..., Bars]) -> None:
    bars = real_bars("BTC/USDT", "5m", 30_000)
    skip = ta.warmup_bars(name, **RECURSIVE[name])
    crash = bars.index_at(1_692_308_400_000_000_000)  # 2023-08-17 21:40 UTC, -9 % in one bar: the worst seed there is
    assert bars.high[crash] / bars.low[crash] > 1.05
    starts = [crash - 30, crash - 14, crash - 1, crash, *range(1, 25_000, 601)]
    assert max(difference(bars, name, start, skip) for start in starts) <= 1e-9
    # and it is not idle: half of it would leave more than that
    assert max(difference(bars, name, start, skip // 2) for start in starts) > 1e-9


def test_d075_adx_of_28_bars_is_another_number(real_bars: Callable[..., Bars]) -> None:
    bars = real_bars("BTC/USDT", "5m", 5_000)
    assert max(difference(bars, "ADX", start, 27) for start in range(1, 4_000, 101)) > 0.05  # 5 of 100 points
