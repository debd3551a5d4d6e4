"""The smaller the position the wilder the market: the sizer `turtle-unit`."""

from __future__ import annotations

import attrs
import numpy as np
from quantsail_framework import Bars, Instrument, Market, Portfolio, Signal, Sizing, options
from quantsail_framework.domain.order import NOT_READY

SPENT = 0.99  # of the available cash: the rest is for costs, and for an open above the close


@attrs.frozen
class TurtleUnit:
    """Buys as much as gains or loses ``unit_pct`` percent of equity when the price moves by N, as the cash allows.

    Quantity = equity * ``unit_pct`` / 100 / N. N is the mean true range of the last ``period`` closed bars, true range
    being max(high, close before) - min(low, close before). So a quiet market and a wild one weigh the same in the account.
    Source: C. Faith, The Original Turtle Trading Rules, 2003, with 1 % and 20 days; N is smoothed exponentially there.
    """

    unit_pct: float = options.within(0.001, 100.0, 1.0, "What a move by N gains or loses, in percent of equity.")
    period: int = options.period(20, "Bars over which the true range is averaged.")

    @property
    def warmup(self) -> int:
        """Each true range looks at the close before."""
        return self.period

    def size(self, signal: Signal, instrument: Instrument, portfolio: Portfolio, market: Market) -> Sizing:
        """The quantity, bound by ``unit`` or by ``cash``; zero where bars are missing or the price has stood still."""
        bars = market.closed(signal.symbol, self.period + 1)
        if len(bars) <= self.period:
            return Sizing(0.0, NOT_READY)
        n = mean_true_range(bars)
        if not n > 0.0:
            return Sizing(0.0, "no_range")
        unit = portfolio.equity * self.unit_pct / 100.0 / n
        quantity, bound_by = min((unit, "unit"), (portfolio.available * SPENT / signal.price, "cash"))
        return Sizing(max(0.0, quantity), bound_by)


def mean_true_range(bars: Bars) -> float:
    """Of all bars but the first, which has no close before it; in price."""
    before = bars.close[:-1]
    return float(np.mean(np.maximum(bars.high[1:], before) - np.minimum(bars.low[1:], before)))
