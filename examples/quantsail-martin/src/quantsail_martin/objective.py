"""Growth over the pain on the way: the objective `martin`."""

from __future__ import annotations

import attrs
import numpy as np
from quantsail_framework import RunResult, options
from quantsail_framework.domain.bars import Floats

ROUNDING = 1e-12


@attrs.frozen
class Martin:
    """Score = (growth a year - ``risk_free_pct`` / 100) / ulcer index, the Martin ratio or ulcer performance index.

    Growth is the metric ``cagr``. Ulcer index = root of the mean square of the drawdowns of all bars from the highest
    equity so far, a fraction: how deep and how long at once. None without a drawdown, and where the growth is undefined.
    Source: P. G. Martin and B. B. McCann, The Investor's Guide to Fidelity Funds, 1989.
    """

    risk_free_pct: float = options.within(0.0, 100.0, 0.0, "What money earns without risk, in percent a year.")

    def score(self, result: RunResult) -> float | None:
        """The higher, the better."""
        growth, equity = result.metrics["cagr"], result.equity["equity"]
        if growth is None or not len(equity):
            return None
        ulcer = ulcer_index(equity)
        return float((growth - self.risk_free_pct / 100.0) / ulcer) if ulcer > ROUNDING else None


def ulcer_index(equity: Floats) -> float:
    """Of a curve that begins above zero; 0 without a drawdown."""
    drawdown = 1.0 - equity / np.maximum.accumulate(equity)
    return float(np.sqrt(np.mean(np.square(drawdown))))
