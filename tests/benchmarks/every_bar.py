"""The strategy of job J8: it wants to buy on every bar, with levels so far away that a trade lasts for weeks."""

from __future__ import annotations

import attrs
import numpy as np

from quantsail_framework import Bars, Signals


@attrs.frozen
class EveryBar:
    """Buys always; stop 10 % below and target 15 % above the close."""

    @property
    def warmup(self) -> int:
        return 0

    def signals(self, bars: Bars) -> Signals:
        return Signals(entry=np.ones(len(bars), np.int8), stop=0.90 * bars.close, target=1.15 * bars.close)
