"""Breakouts in the direction of a trend: the strategy ``trend``."""

from __future__ import annotations

from typing import NamedTuple

import attrs
import numpy as np
from attrs.validators import instance_of

from quantsail_framework import LONG, SHORT, Bars, Signals, indicators, options, price_text
from quantsail_framework.domain.bars import Floats, Ints

# What the original strategy states for every one of its signals.
CONFIDENCE = 0.75


@attrs.frozen
class TrendStrategy:
    """Enters when a trending market closes beyond its recent range.

    Long when ADX > ``adx_threshold``, close > SMA, close > the highest high of the previous
    ``lookback`` bars (the signal bar excluded), and volume > its mean (the signal bar included).
    Stop = close - ``stop_atr`` * ATR, target = close + ``target_atr`` * ATR. With ``allow_short``
    the mirror below the lowest low. Confidence is 0.75 throughout.
    """

    atr_period: int = options.period(14, "Wilder period of the average true range, in bars.")
    adx_period: int = options.period(14, "Wilder period of the average directional index, in bars.", least=2)
    ma_period: int = options.period(50, "Period of the moving average of closes, in bars.", least=2)
    lookback: int = options.period(20, "Previous bars whose high (low) the close must pass.")
    volume_period: int = options.volume_period()
    adx_threshold: float = options.within(0.0, 100.0, 25.0, "ADX above which a market trends, 0 to 100.")
    stop_atr: float = options.multiple(2.0, "Distance of the stop from the close, in ATR.")
    target_atr: float = options.multiple(3.0, "Distance of the target from the close, in ATR.")
    allow_short: bool = attrs.field(
        default=False, validator=instance_of(bool), metadata={"doc": "Whether breakdowns are sold short."}
    )

    @property
    def warmup(self) -> int:
        """Bars of history after which ATR and ADX have forgotten their seeds and every window is full."""
        return max(
            indicators.warmup_bars("ATR", timeperiod=self.atr_period),
            indicators.warmup_bars("ADX", timeperiod=self.adx_period),
            self.ma_period - 1,
            self.lookback,
            self.volume_period - 1,
        )

    @property
    def needs_volume(self) -> str | None:
        """Candles need volume unless the filter is switched off."""
        return "volume_period = 0" if self.volume_period else None

    def signals(self, bars: Bars) -> Signals:
        """Without volume nothing passes the volume filter: a run refuses such candles."""
        columns = self._columns(bars)
        return Signals.at_distance(
            bars,
            {side: self._breakouts(columns, side) for side in columns.edge},
            indicators.atr(bars, self.atr_period),
            stop=self.stop_atr,
            target=self.target_atr,
            confidence=CONFIDENCE,
            reason=lambda row: self._reason(columns, row),
        )

    def _columns(self, bars: Bars) -> _Columns:
        edge = {LONG: indicators.highest(bars, self.lookback)}
        if self.allow_short:
            edge[SHORT] = indicators.lowest(bars, self.lookback)
        return _Columns(
            bars=bars,
            adx=indicators.adx(bars, self.adx_period),
            average=indicators.sma(bars, self.ma_period),
            mean_volume=indicators.mean_volume(bars, self.volume_period) if self.volume_period else None,
            edge=edge,
        )

    def _breakouts(self, columns: _Columns, side: int) -> Ints:
        """Rows at which all conditions hold, whatever the levels: a search over these looks for them once."""
        options = self.adx_period, self.adx_threshold, self.ma_period, self.lookback, self.volume_period
        return indicators.once(columns.bars, (type(self), side, options), lambda: self._found(columns, side))

    def _found(self, columns: _Columns, side: int) -> Ints:
        """NaN, an indicator's head, compares as false."""
        close, volume = columns.bars.close, columns.bars.volume
        beyond = np.greater if side == LONG else np.less
        passed = beyond(close[1:], columns.edge[side][:-1])
        passed &= columns.adx[1:] > self.adx_threshold
        rows: Ints = np.flatnonzero(passed) + 1  # few: the other conditions are looked up at those only
        rows = rows[indicators.above(side * close[rows], side * columns.average[rows])]
        if columns.mean_volume is not None:
            rows = rows[indicators.above(volume[rows], columns.mean_volume[rows])]
        return rows

    def _reason(self, columns: _Columns, row: int) -> str:
        close, high = columns.bars.close.item(row), columns.edge[LONG].item(row - 1)
        if close > high:
            text = f"breakout: close {price_text(close)} above {self.lookback}-bar high {price_text(high)}"
        else:
            low = columns.edge[SHORT].item(row - 1)
            text = f"breakdown: close {price_text(close)} below {self.lookback}-bar low {price_text(low)}"
        text = f"{text}, ADX {columns.adx.item(row):.1f}"
        if columns.mean_volume is None:
            return text
        return f"{text}, volume {columns.bars.volume.item(row) / columns.mean_volume.item(row):.1f}x its mean"


class _Columns(NamedTuple):
    """What the conditions read. ``edge``: by side, the highest high or lowest low up to each bar, its own included."""

    bars: Bars
    adx: Floats
    average: Floats
    mean_volume: Floats | None
    edge: dict[int, Floats]
