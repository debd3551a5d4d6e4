"""Back to the middle of the Bollinger bands while no trend is on: the strategy ``mean-reversion``."""

from __future__ import annotations

import attrs
import numpy as np
from attrs.validators import instance_of

from quantsail_framework import LONG, SHORT, Bars, Signals, indicators, options, price_text
from quantsail_framework.domain.bars import Floats, Ints
from quantsail_framework.domain.signals import by_side

_MIDDLE_RSI = 50.0  # no market is oversold above it, and none overbought below


@attrs.frozen
class MeanReversionStrategy:
    """Enters when a ranging market touches its outer Bollinger band.

    Long when ADX < ``adx_threshold``, low <= lower band and RSI < ``rsi_oversold``; stop =
    lower - ``stop_width`` * (middle - lower), target = middle. With ``allow_short`` the mirror at the
    upper band, where RSI > 100 - ``rsi_oversold``. Where the close lies beyond stop or target, as after a
    crash, the levels are impossible; they are stated all the same and the run refuses the entry.
    """

    bb_period: int = options.period(20, "Period of the Bollinger bands, in bars.", least=2)
    bb_std: float = options.multiple(2.0, "Width of each Bollinger band, in standard deviations.")
    rsi_period: int = options.period(14, "Wilder period of the relative strength index, in bars.", least=2)
    rsi_oversold: float = options.within(
        0.0, 50.0, 30.0, "RSI below which a market is oversold, 0 to 50; above 100 less this it is overbought."
    )
    adx_period: int = options.period(14, "Wilder period of the average directional index, in bars.", least=2)
    adx_threshold: float = options.within(0.0, 100.0, 20.0, "ADX below which a market ranges, 0 to 100.")
    stop_width: float = options.multiple(0.5, "Distance of the stop from the band, in widths of that band.")
    confidence: float = options.within(0.0, 1.0, 0.70, "Confidence of every entry, 0 to 1.")
    allow_short: bool = attrs.field(
        default=False, validator=instance_of(bool), metadata={"doc": "Whether the upper band is sold short."}
    )

    @property
    def warmup(self) -> int:
        """Bars of history after which ADX and RSI have forgotten their seeds and the bands are full."""
        return max(
            indicators.warmup_bars("ADX", timeperiod=self.adx_period),
            indicators.warmup_bars("RSI", timeperiod=self.rsi_period),
            indicators.warmup_bars("BBANDS", timeperiod=self.bb_period),
        )

    def signals(self, bars: Bars) -> Signals:
        """Entries at touches, with the band's levels as they are."""
        columns = self._columns(bars)
        found = {side: self._touches(columns, side) for side in columns.band}
        rows, side = by_side(found)
        band = np.concatenate([columns.band[each][at] for each, at in found.items()])
        middle = columns.middle[rows]
        return Signals.at(
            rows,
            len(bars),
            entry=side,
            stop=indicators.snapped(band - self.stop_width * (middle - band)),
            target=indicators.snapped(middle),
            confidence=self.confidence,
            reason=lambda row: self._reason(columns, row),
        )

    def _columns(self, bars: Bars) -> _Columns:
        upper, middle, lower = indicators.bollinger(bars, self.bb_period, self.bb_std)
        band, extreme = {LONG: lower}, {LONG: bars.low}
        if self.allow_short:
            band[SHORT], extreme[SHORT] = upper, bars.high
        rsi, adx = indicators.rsi(bars, self.rsi_period), indicators.adx(bars, self.adx_period)
        return _Columns(extreme=extreme, band=band, middle=middle, rsi=rsi, adx=adx)

    def _touches(self, columns: _Columns, side: int) -> Ints:
        """Rows at which all conditions hold. NaN, an indicator's head, compares as false."""
        band = side * columns.band[side]
        # A market that stands still has a band without width, which every price touches and nothing returns from.
        wide = indicators.above(side * columns.middle, band)
        rows = np.flatnonzero(wide & ~indicators.above(side * columns.extreme[side], band))
        rows = rows[columns.adx[rows] < self.adx_threshold]
        rsi = columns.rsi[rows]
        return rows[rsi < self.rsi_oversold if side == LONG else rsi > 100.0 - self.rsi_oversold]

    def _reason(self, columns: _Columns, row: int) -> str:
        side = LONG if columns.rsi.item(row) < _MIDDLE_RSI else SHORT
        extreme, band = columns.extreme[side].item(row), columns.band[side].item(row)
        touched = f"touch: {'low' if side == LONG else 'high'} {price_text(extreme)}"
        at = f"{'lower' if side == LONG else 'upper'} band {price_text(float(f'{band:.6g}'))}"
        return f"{touched} at the {at}, RSI {columns.rsi.item(row):.1f}, ADX {columns.adx.item(row):.1f}"


@attrs.frozen(eq=False)
class _Columns:
    """What the conditions read. By side, ``extreme`` is the low or the high, ``band`` the band it may touch."""

    extreme: dict[int, Floats]
    band: dict[int, Floats]
    middle: Floats
    rsi: Floats
    adx: Floats
