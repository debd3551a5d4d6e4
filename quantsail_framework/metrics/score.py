"""The score by which a search chooses parameters unless it is told another."""

from __future__ import annotations

import math

WITHOUT_LOSERS = 10.0  # the profit factor that trades without a loser count as


def profit_factor_ln_trades(profit_factor: float | None, trades: int) -> float | None:
    """profit_factor * ln(trades): higher is better, no unit; many trades weigh more than a few lucky ones.

    ``profit_factor`` is None without losers, where it would be infinite: it counts as 10 then. One trade scores 0,
    none has no score (None).
    """
    if trades < 1:
        return None
    return (WITHOUT_LOSERS if profit_factor is None else profit_factor) * math.log(trades)
