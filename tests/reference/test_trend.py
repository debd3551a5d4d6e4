"""The reference's own trend signals, on a market whose indicators are known by heart."""

from __future__ import annotations

from pathlib import Path

import pytest

from .trend import add_trend_signals, load
from .values import Market

DATA = Path(__file__).resolve().parents[3] / "shared" / "data" / "ohlcv" / "binance"


def staircase(size: int, step: float) -> Market:
    """Closes one ``step`` apart, highs and lows half a unit around them, volume rising.

    Every bar moves one way only, so DX, and with it ADX, is 100. The true range is the same each bar:
    from the last close to the far end, 1 + 0.5 = 1.5, which is the ATR.
    """
    closes = [200.0 + step * i for i in range(size)]
    return Market(
        "UP/USD",
        time=list(range(size)),
        open=closes,
        high=[close + 0.5 for close in closes],
        low=[close - 0.5 for close in closes],
        close=closes,
        volume=[float(i + 1) for i in range(size)],
    )


def test_rising_market_is_bought_once_every_window_is_full() -> None:
    market = add_trend_signals(staircase(60, 1.0))
    # The average of 50 closes is the longest window: complete on bar 49.
    assert market.entry == [0] * 49 + [1] * 11
    # Close of bar 49: 249. Stop 2 * 1.5 below, target 3 * 1.5 above.
    assert (market.stop[49], market.target[49]) == pytest.approx((246.0, 253.5))


def test_falling_market_is_sold_only_when_asked_for() -> None:
    assert not any(add_trend_signals(staircase(60, -1.0)).entry)
    market = add_trend_signals(staircase(60, -1.0), allow_short=True)
    assert market.entry == [0] * 49 + [-1] * 11
    # Close of bar 49: 151.
    assert (market.stop[49], market.target[49]) == pytest.approx((154.0, 146.5))


def test_d072_the_breakout_is_over_previous_bars() -> None:
    market = staircase(60, 1.0)
    market.high[50] = 260.0
    entry = add_trend_signals(market).entry
    # Its own high does not stop bar 50 (close 250); it does stop bars 51 to 59, whose closes stay below 260.
    assert entry[49:] == [1, 1, *[0] * 9]


def test_close_at_the_highest_high_is_no_breakout() -> None:
    market = staircase(60, 1.0)
    market.high[49] = 250.0
    assert add_trend_signals(market).entry[48:52] == [0, 1, 0, 1]


def test_quiet_volume_is_no_breakout() -> None:
    market = staircase(60, 1.0)
    # Mean of 32 to 50 and x is above x for any x below the mean of the other 19: 41.
    market.volume[50] = 41.0
    assert add_trend_signals(market).entry[50] == 0
    assert add_trend_signals(market, volume_period=0).entry[50] == 1


def test_candles_without_volume_need_the_filter_off() -> None:
    market = staircase(60, 1.0)
    market.volume = [0.0] * 60
    with pytest.raises(ValueError, match="UP/USD has no volume"):
        add_trend_signals(market)
    assert sum(add_trend_signals(market, volume_period=0).entry) == 11


def test_real_candles_load() -> None:
    if not DATA.is_dir():
        pytest.skip(f"needs the candles of {DATA}")
    market = load(DATA / "BNB_USDT-1d.parquet", "BNB/USDT")
    assert len(market.time) == 1_198
    assert market.time[0] == 1_600_560_000_000_000_000  # 2020-09-20 00:00 UTC
