"""Breakouts whose stop hangs from the highest high since the entry: the strategy `chandelier`."""

from __future__ import annotations

import attrs
import numpy as np
from quantsail_framework import LONG, Adjust, Bars, BarView, Enter, Exit, Position, indicators, options, price_text
from quantsail_framework.domain.bars import Floats


@attrs.frozen
class Chandelier:
    """Enters long at a close above the highest high of the ``lookback`` bars before; the stop follows the highs.

    Stop = the highest high since the entry - ``stop_atr`` * ATR; the first one is close - ``stop_atr`` * ATR. It never
    falls, also where ATR grows (the chandelier exit of C. Le Beau, in A. Elder, "Come Into My Trading Room", 2002).
    """

    lookback: int = options.period(22, "Bars before, whose high the close must pass.")
    atr_period: int = options.period(22, "Wilder period of the average true range, in bars.")
    stop_atr: float = options.multiple(3.0, "Distance of the stop from the highest high, in ATR.")

    @property
    def warmup(self) -> int:
        """ATR has forgotten where it began, and the bars before are there."""
        return max(self.lookback, indicators.warmup_bars("ATR", timeperiod=self.atr_period))

    def prepare(self, bars: Bars) -> dict[str, Floats]:
        """Computed once: the highest high of the bars before each, and the distance of the stop in price."""
        highest = indicators.highest(bars, self.lookback)
        return {
            "edge": np.concatenate([[np.nan], highest[:-1]]),
            "distance": self.stop_atr * indicators.atr(bars, self.atr_period),
        }

    def on_bar(self, view: BarView, position: Position | None) -> Enter | Exit | Adjust | None:
        """One decision at the close of each bar."""
        if position is None:
            return self._enter(view)
        # A restart may hand over a position that is older than the bars: then all of them count.
        entered = max(0, view.bars.index_at(position.entry_time_ns))
        stop = view.high[entered:].max().item() - view.now("distance")
        if view.close.item(-1) <= stop:
            return Exit()
        return Adjust(stop=stop) if stop > position.stop else None

    def _enter(self, view: BarView) -> Enter | None:
        close, edge = view.close.item(-1), view.now("edge")
        if not close > edge:
            return None
        reason = f"close {price_text(close)} above the {self.lookback}-bar high {price_text(edge)}"
        return Enter(LONG, stop=close - view.now("distance"), reason=reason)
