"""Buying closes near the low of the day: the strategy `internal-bar-strength`."""

from __future__ import annotations

import attrs
import numpy as np
from quantsail_framework import LONG, Bars, Signals, options
from quantsail_framework.domain.bars import Floats


@attrs.frozen
class InternalBarStrength:
    """Enters long when a bar closes near its low, and leaves when one closes near its high.

    Internal bar strength = (close - low) / (high - low): 0 at the low, 1 at the high (A. Pagonidis, "The IBS effect: mean
    reversion in equity ETFs", NAAIM, 2013). A bar without a range has none. Stop = close * (1 - ``stop_pct`` / 100).
    """

    enter_below: float = options.within(0.0, 1.0, 0.2, "Internal bar strength below which it enters, 0 to 1.")
    leave_above: float = options.within(0.0, 1.0, 0.8, "Internal bar strength above which it leaves, 0 to 1.")
    stop_pct: float = options.within(0.01, 99.0, 5.0, "Distance of the stop from the close, in percent of it.")

    @property
    def warmup(self) -> int:
        """Each bar speaks for itself."""
        return 0

    def signals(self, bars: Bars) -> Signals:
        """Row i reads bar i alone. NaN, of a bar without a range, compares as false."""
        strength = _strength(bars)
        return Signals(
            entry=np.where(strength < self.enter_below, np.int8(LONG), np.int8(0)),
            stop=bars.close * (1.0 - self.stop_pct / 100.0),
            exit=strength > self.leave_above,
            reason=lambda index: f"internal bar strength {strength.item(index):.2f}, below {self.enter_below:g}",
        )


def _strength(bars: Bars) -> Floats:
    span = bars.high - bars.low
    strength: Floats = np.divide(bars.close - bars.low, span, out=np.full(len(bars), np.nan), where=span > 0.0)
    return strength
