"""Slippage that grows with the order's share of the volume: the cost model ``volume-slippage``."""

from __future__ import annotations

from math import inf, sqrt
from typing import Any

import attrs
import numpy as np
from attrs.validators import ge, instance_of, lt

from quantsail_costs.options import BPS, bps
from quantsail_framework import Bars, Costs, Market
from quantsail_framework.domain.bars import Floats
from quantsail_framework.domain.fill import fill_notional
from quantsail_framework.domain.order import Liquidity

PREPARED = np.dtype([("volatility", np.float64), ("volume", np.float64)])


@attrs.frozen
class VolumeSlippageCosts:
    """Slippage of a taker fill = notional * ``coefficient`` * sigma * sqrt(quantity / V), in quote currency.

    Over the last ``window`` closed bars, sigma is the sample standard deviation of their simple
    close-to-close returns and V their mean volume (base currency), bars without volume included. This
    is the square-root law of market impact (Grinold and Kahn, Active Portfolio Management, 2nd ed.
    2000, ch. 16): trading a day's volume costs about a day's volatility. Sigma grows with the square root
    of a bar's length and V with the length itself, so that the law is the same for bars of any length.
    Almgren, Thum, Hauptmann and Li (Direct Estimation of Equity Market Impact, 2005) measured an
    exponent of 0.6 in place of 0.5.

    Where V is zero the share cannot be told and counts as 1: the order is a whole bar's volume. While
    fewer than ``window`` + 1 bars have closed, which the warm-up of a run rules out, there is no
    slippage. Fee and spread are those of ``basis-points``.
    """

    coefficient: float = attrs.field(
        default=1.0,
        validator=[ge(0.0), lt(inf)],
        metadata={"doc": "Standard deviations of a bar's return that an order as large as a bar's mean volume pays."},
    )
    window: int = attrs.field(
        default=100,
        validator=[instance_of(int), ge(2)],
        metadata={"doc": "Closed bars over which volume and volatility are measured."},
    )
    fee_bps: float = bps(0.0, "Fee of any fill, in basis points of the notional.")
    spread_bps: float = bps(0.0, "Quoted spread, bid to ask, in basis points; a taker fill pays half of it.")

    @property
    def warmup(self) -> int:
        """Bars before the first that ends ``window`` returns."""
        return self.window

    def prepare(self, bars: Bars) -> np.ndarray[Any, Any]:
        """Volatility and mean volume at each bar; NaN while there are too few."""
        prepared = np.full(len(bars), np.nan, PREPARED)
        if len(bars) > self.window:
            returns = bars.close[1:] / bars.close[:-1] - 1.0
            mean, square = _rolling_mean(returns, self.window), _rolling_mean(returns**2, self.window)
            variance = np.maximum(square - mean**2, 0.0) * self.window / (self.window - 1)
            prepared["volatility"][self.window :] = np.sqrt(variance)
            prepared["volume"][self.window :] = _rolling_mean(bars.volume[1:], self.window)
        return prepared

    def costs(self, side: int, quantity: float, price: float, liquidity: Liquidity, market: Market) -> Costs:
        """Raises ValueError for a quantity or price that is negative or not finite."""
        notional = fill_notional(quantity, price)
        fee = notional * self.fee_bps * BPS
        if liquidity == "maker":
            return Costs(fee)
        return Costs(fee, notional * self.spread_bps * 0.5 * BPS, notional * self._slippage(quantity, market))

    def _slippage(self, quantity: float, market: Market) -> float:
        """As a fraction of the notional."""
        volatility, volume = market.prepared(market.symbol) or (0.0, 0.0)
        if volatility != volatility:  # not ready
            return 0.0
        share = quantity / volume if volume > 0.0 else 1.0
        return self.coefficient * float(volatility) * sqrt(share)


def _rolling_mean(values: Floats, window: int) -> Floats:
    """Mean of each ``window`` values in a row, each summed anew: no error piles up."""
    return np.convolve(values, np.full(window, 1.0 / window), "valid")
