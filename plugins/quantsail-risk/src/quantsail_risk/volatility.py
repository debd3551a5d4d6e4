"""Bars that span far more than usual: the risk rule ``volatility-spike``."""

from __future__ import annotations

from functools import cache
from math import inf

import attrs
import numpy as np
from attrs.validators import ge, gt, instance_of, lt

from quantsail_framework import Breach, Market, Portfolio, Reference, Request, Trip, indicators
from quantsail_framework.domain.bars import Floats
from quantsail_framework.domain.order import NOT_READY
from quantsail_risk.breakers import Action, Duration, action, duration, until_ns


@attrs.frozen
class VolatilitySpike:
    """Trips a market at the close of a bar with high - low > ``atr_multiple`` * ATR, for ``duration``.

    ATR is Wilder's average true range (New Concepts in Technical Trading Systems, 1978) of the bar
    before, from as many bars as it needs to settle. Other markets go on; ``flatten`` closes the
    position of the market that spiked. While too few bars have closed, entries are refused (``not_ready``).
    """

    duration: Duration = duration()
    atr_multiple: float = attrs.field(
        default=3.0,
        validator=[gt(0.0), lt(inf)],
        metadata={"doc": "Span of a bar, in ATR of the bar before, above which it trips."},
    )
    atr_period: int = attrs.field(
        default=14, validator=[instance_of(int), ge(1)], metadata={"doc": "Period of the ATR, in bars."}
    )
    action: Action = action()

    @property
    def warmup(self) -> int:
        """Bars after which the ATR of the bar before has settled."""
        return _settled_after(self.atr_period) + 1

    @property
    def watches(self) -> tuple[str, ...]:
        """Bars."""
        return ("bars",)

    def check(self, request: Request, portfolio: Portfolio, market: Market) -> Breach | None:
        """A Breach with the number of closed bars as its value, while they are too few."""
        needed = self.warmup + 1
        closed = len(market.closed(request.symbol, needed))
        if closed == needed:
            return None
        return Breach(f"{closed} bars of {request.symbol} have closed, {needed} are needed", needed, closed, NOT_READY)

    def trip(self, portfolio: Portfolio, market: Market, reference: Reference) -> list[Trip]:
        """A Trip for each market whose bar has just closed and spiked, with its span as the value."""
        until = until_ns(self.duration, portfolio, market)
        trips = (self._trip(symbol, market, until) for symbol in market.symbols)
        return [trip for trip in trips if trip is not None]

    def _trip(self, symbol: str, market: Market, until: int) -> Trip | None:
        recent = market.closed(symbol, 2 * self.atr_period + 1)
        if not len(recent) or recent.time[-1] + market.timeframe.ns != market.now_ns:
            return None
        spans = recent.high - recent.low
        if spans[-1] <= self.atr_multiple * _least_atr(spans[:-1], self.atr_period):
            return None  # nearly every bar: the whole history need not be looked at
        bars = market.closed(symbol, self.warmup + 1)
        if len(bars) <= self.warmup:
            return None
        span, limit = float(spans[-1]), self.atr_multiple * float(indicators.atr(bars, self.atr_period)[-2])
        if span <= limit:
            return None
        text = f"a bar of {symbol} spans {span:g}, more than {self.atr_multiple:g} x ATR = {limit:g}"
        return Trip(until, text, self.action, (symbol,), limit=limit, value=span)


@cache
def _settled_after(period: int) -> int:
    return indicators.warmup_bars("ATR", timeperiod=period)


def _least_atr(spans: Floats, period: int) -> float:
    """What the ATR is at least: the share of it that the last bars make, each with no gap to the bar before."""
    return float(spans @ _weights(period, len(spans)))


@cache
def _weights(period: int, count: int) -> Floats:
    """The weights of the last ``count`` true ranges in Wilder's average, oldest first: (1 - 1/n)^age / n."""
    return (1.0 - 1.0 / period) ** np.arange(count - 1, -1, -1) / period
