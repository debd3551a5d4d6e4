"""A strategy of your own in one file, no plugin needed: it follows a moving average and protects what it has won.

It decides bar by bar since it looks at its position: once a trade is one ATR ahead, the stop moves to the entry price.
"""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np

from quantsail_framework import LONG, Adjust, Bars, BarView, Enter, Exit, Position, indicators


@attrs.frozen
class CrossAndProtect:
    """Buys when the close crosses above its average, leaves when it crosses back."""

    period: int = attrs.field(
        default=50, validator=attrs.validators.ge(2), metadata={"doc": "Length of the moving average, in bars."}
    )
    stop_atr: float = attrs.field(
        default=3.0, validator=attrs.validators.gt(0.0), metadata={"doc": "Distance of the first stop, in ATR(14)."}
    )

    @property
    def warmup(self) -> int:
        """Bars until the slower of the two indicators no longer depends on where the candles began."""
        return max(self.period, indicators.warmup_bars("ATR", timeperiod=14))

    def prepare(self, bars: Bars) -> dict[str, Any]:
        """Computed once per symbol; `on_bar` sees row by row."""
        average = indicators.sma(bars, self.period)
        above = bars.close > average
        crossed = above & ~np.concatenate([[True], above[:-1]])
        return {"average": average, "crossed": crossed, "atr": indicators.atr(bars, 14)}

    def on_bar(self, view: BarView, position: Position | None) -> Enter | Exit | Adjust | None:
        """One decision at the close of each bar."""
        close, atr = float(view.close[-1]), view.now("atr")
        if position is None:
            if view.now("crossed"):
                return Enter(LONG, stop=close - self.stop_atr * atr, reason=f"close above SMA({self.period})")
            return None
        if close < view.now("average"):
            return Exit()
        ahead = close - position.entry_price > atr
        if ahead and position.stop < position.entry_price:
            return Adjust(stop=position.entry_price)
        return None
