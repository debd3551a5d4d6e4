"""A position whose value moves by a chosen volatility: the sizer ``volatility-target``."""

from __future__ import annotations

from math import inf, sqrt

import attrs
from attrs.validators import ge, gt, instance_of, lt

from quantsail_framework import Bars, Instrument, Market, Portfolio, Signal, Sizing
from quantsail_framework.domain.order import NOT_READY
from quantsail_sizing.caps import (
    INVALID_LEVELS,
    capped,
    cash_buffer,
    least_notional,
    participation_cap,
    participation_warmup,
    participation_window,
    position_cap,
    stop_distance,
)

VOLATILITY = "volatility"
NS_PER_YEAR = 365.25 * 86_400 * 1e9


@attrs.frozen
class VolatilityTarget:
    """quantity = equity * ``target_volatility_pct`` / 100 / (sigma * close), within the caps.

    sigma is the market's volatility a year: the sample standard deviation of its last ``window`` simple
    close-to-close returns, times sqrt(returns a year). How many returns a year has is read from the
    same bars: ``window`` / (years from the first of their closes to the last), a year being 365.25
    days; so a market with nights and weekends needs no number of trading days. The position's
    value then moves by ``target_volatility_pct`` percent of equity a year, if the market goes on as it
    did. Moskowitz, Ooi and Pedersen (Time Series Momentum, 2012) scale positions so, to 40 % a year.

    The target is of each position alone: several that move together add up. The stop plays no part.
    """

    target_volatility_pct: float = attrs.field(
        default=10.0,
        validator=[gt(0.0), lt(inf)],
        metadata={"doc": "Volatility of the position's value a year, in percent of equity."},
    )
    window: int = attrs.field(
        default=100,
        validator=[instance_of(int), ge(2)],
        metadata={"doc": "Returns over which the market's volatility is measured, in bars."},
    )
    max_position_pct_equity: float = position_cap(100.0)
    cash_buffer_pct: float = cash_buffer()
    min_notional: float = least_notional()
    max_participation_pct: float | None = participation_cap()
    participation_window: int = participation_window()

    @property
    def warmup(self) -> int:
        """Bars before the first with ``window`` returns, or what the cap on participation needs."""
        return max(self.window, participation_warmup(self))

    def size(self, signal: Signal, instrument: Instrument, portfolio: Portfolio, market: Market) -> Sizing:
        """Quantity 0 while too few bars have closed (``not_ready``), or where the price stood still."""
        if stop_distance(signal) is None:
            return Sizing(0.0, INVALID_LEVELS)
        bars = market.closed(signal.symbol, self.window + 1)
        if len(bars) <= self.window:
            return Sizing(0.0, NOT_READY)
        sigma = yearly_volatility(bars)
        if not sigma > 0.0:
            return Sizing(0.0, VOLATILITY)
        quantity = portfolio.equity * self.target_volatility_pct / 100.0 / (sigma * signal.price)
        return capped(self, quantity, VOLATILITY, signal, portfolio, market)


def yearly_volatility(bars: Bars) -> float:
    """Sample standard deviation of the simple returns of ``bars``, times sqrt(their number a year); a fraction."""
    returns = bars.close[1:] / bars.close[:-1] - 1.0
    years = float(bars.time[-1] - bars.time[0]) / NS_PER_YEAR
    return float(returns.std(ddof=1)) * sqrt(len(returns) / years)
