"""The first wide bar out of a quiet market, in its direction: the strategy ``volatility-expansion``."""

from __future__ import annotations

import attrs
import numpy as np
from attrs.validators import ge, instance_of

from quantsail_framework import LONG, SHORT, Bars, Signals, indicators, options, price_text
from quantsail_framework.domain.bars import Bools, Floats, Ints

# BandWidth is a fraction of the price; what lies closer together than this differs by rounding only.
ROUNDING = 1e-9


@attrs.frozen
class VolatilityExpansionStrategy:
    """Enters when a squeezed market breaks out of its Bollinger bands in a wide bar with volume.

    BandWidth = (upper - lower) / middle. Squeeze: the lowest BandWidth of the ``squeeze_lookback`` bars
    before the signal bar lies within the last ``squeeze_bars`` of them. Expansion: true range >
    ``expansion_atr`` * ATR of the bar before. Direction: close > upper band, long; with ``allow_short``
    close < lower band, short. Volume > its mean, the signal bar included. Stop = close - ``stop_atr`` *
    ATR, target = close + ``target_atr`` * ATR, mirrored for shorts.

    Squeeze and breakout: Bollinger, Bollinger on Bollinger Bands (2001), BandWidth and Method I; wide
    after narrow ranges: Crabel, Day Trading with Short Term Price Patterns and Opening Range Breakout (1990).
    """

    bb_period: int = options.period(20, "Period of the Bollinger bands, in bars.", least=2)
    bb_std: float = options.multiple(2.0, "Width of each Bollinger band, in standard deviations.")
    squeeze_lookback: int = options.period(
        125, "Previous bars among which BandWidth must have been at its lowest.", least=2
    )
    squeeze_bars: int = attrs.field(
        default=10,
        validator=[instance_of(int), ge(1)],
        metadata={"doc": "Bars before the signal bar among which that lowest must lie, fewer than squeeze_lookback."},
    )
    atr_period: int = options.period(14, "Wilder period of the average true range, in bars.")
    expansion_atr: float = options.multiple(
        1.5, "True range that the signal bar must exceed, in ATR of the bar before."
    )
    volume_period: int = options.volume_period()
    stop_atr: float = options.multiple(2.0, "Distance of the stop from the close, in ATR.")
    target_atr: float = options.multiple(3.0, "Distance of the target from the close, in ATR.")
    allow_short: bool = attrs.field(
        default=False, validator=instance_of(bool), metadata={"doc": "Whether breakdowns are sold short."}
    )

    @squeeze_bars.validator
    def _lies_within(self, _field: attrs.Attribute[int], value: int) -> None:
        if value >= self.squeeze_lookback:
            raise ValueError(
                f"squeeze_bars of {value} lets any bar pass: it must be less than squeeze_lookback, "
                f"which is {self.squeeze_lookback}"
            )

    @property
    def warmup(self) -> int:
        """Bars of history after which the ATR of the bar before has forgotten its seed and every window is full."""
        return max(
            indicators.warmup_bars("ATR", timeperiod=self.atr_period) + 1,
            indicators.warmup_bars("BBANDS", timeperiod=self.bb_period) + self.squeeze_lookback,
            self.volume_period - 1,
        )

    @property
    def needs_volume(self) -> str | None:
        """Candles need volume unless the filter is switched off."""
        return "volume_period = 0" if self.volume_period else None

    def signals(self, bars: Bars) -> Signals:
        """Without volume nothing passes the volume filter: a run refuses such candles."""
        columns = self._columns(bars)
        quiet = self._squeezed(bars)
        return Signals.at_distance(
            bars,
            {side: self._breakouts(columns, quiet, side) for side in columns.band},
            columns.atr,
            stop=self.stop_atr,
            target=self.target_atr,
            reason=lambda row: self._reason(columns, row),
        )

    def _columns(self, bars: Bars) -> _Columns:
        upper, _, lower = indicators.bollinger(bars, self.bb_period, self.bb_std)
        return _Columns(
            bars=bars,
            band={LONG: upper, SHORT: lower} if self.allow_short else {LONG: upper},
            true_range=indicators.true_range(bars),
            atr=indicators.atr(bars, self.atr_period),
            mean_volume=indicators.mean_volume(bars, self.volume_period) if self.volume_period else None,
        )

    def _squeezed(self, bars: Bars) -> Bools:
        """Whether BandWidth was at its lowest a few bars ago, that of the bar itself not counted."""
        width = indicators.bandwidth(bars, self.bb_period, self.bb_std)
        lowest = indicators.lowest(width, self.squeeze_lookback)
        lately = indicators.lowest(width, self.squeeze_bars)
        quiet = np.zeros(len(bars), np.bool_)
        quiet[1:] = (lately - lowest <= ROUNDING)[:-1]
        return quiet

    def _breakouts(self, columns: _Columns, quiet: Bools, side: int) -> Ints:
        """Rows at which all conditions hold. NaN, an indicator's head, compares as false."""
        bars = columns.bars
        rows = np.flatnonzero(quiet & indicators.above(side * bars.close, side * columns.band[side]))
        rows = rows[indicators.above(columns.true_range[rows], self.expansion_atr * columns.atr[rows - 1])]
        if columns.mean_volume is not None:
            rows = rows[indicators.above(bars.volume[rows], columns.mean_volume[rows])]
        return rows

    def _reason(self, columns: _Columns, row: int) -> str:
        close = columns.bars.close.item(row)
        side = LONG if close > columns.band[LONG].item(row) else SHORT
        band = float(f"{columns.band[side].item(row):.6g}")
        beyond = "breakout: close {} above upper" if side == LONG else "breakdown: close {} below lower"
        wide = columns.true_range.item(row) / columns.atr.item(row - 1)
        text = f"{beyond.format(price_text(close))} band {price_text(band)} after a squeeze, range {wide:.1f}x ATR"
        if columns.mean_volume is None:
            return text
        return f"{text}, volume {columns.bars.volume.item(row) / columns.mean_volume.item(row):.1f}x its mean"


@attrs.frozen(eq=False)
class _Columns:
    """What the conditions read. ``band``: by side, the Bollinger band that a close must pass."""

    bars: Bars
    band: dict[int, Floats]
    true_range: Floats
    atr: Floats
    mean_volume: Floats | None
