"""What a fill on Binance spot costs: fee by VIP level, half of the quoted spread, and slippage by size."""

from __future__ import annotations

from bisect import bisect_right
from functools import cached_property
from math import inf
from typing import Any

import attrs
import numpy as np
from attrs.validators import ge, instance_of, lt

from quantsail_binance.schedules import BNB_FACTOR, SCHEDULES
from quantsail_framework import Bars, CompiledCosts, Costs, Market, indicators
from quantsail_framework.domain.bars import Floats
from quantsail_framework.domain.fill import fill_notional
from quantsail_framework.domain.order import Liquidity

BPS = 1e-4
ATR_PERIOD = 14
# Slippage of a taker fill, as a fraction: below 100 of notional (quote currency), from 100, from 500, from 1,000 on.
STEPS = (100.0, 500.0, 1_000.0)
STEP_SLIPPAGES = (1 * BPS, 2 * BPS, 3 * BPS, 5 * BPS)
MIDDLE = 0.5
# Makes Costs without the Python-level call of its constructor, a fifth of the time of ``costs``: a trade asks for them
# up to four times. Where that does not matter, write Costs(...).
new = tuple.__new__


def _known_schedule(_instance: Any, _field: attrs.Attribute[str], value: str) -> None:
    if value not in SCHEDULES:
        raise ValueError(f"schedule {value!r} is not known; known: {', '.join(sorted(SCHEDULES))}")


def _known_level(instance: BinanceSpotCosts, _field: attrs.Attribute[int], value: int) -> None:
    levels = SCHEDULES[instance.schedule].levels
    if not 0 <= value < levels:
        raise ValueError(f"vip_level {value} is not in schedule {instance.schedule!r}, which knows 0 to {levels - 1}")


@attrs.frozen(slots=False)
class BinanceSpotCosts:
    """Costs in quote currency, with notional = quantity * price:

    - fee = notional * rate(vip_level, liquidity), * 0.75 when paid in BNB; the BNB itself is not modelled;
    - spread = notional * ``spread_bps`` / 2, taker fills only;
    - slippage = notional * step * (0.5 + p), taker fills only; step is 1 bp below a notional of 100,
      2 below 500, 3 below 1,000, else 5; p is the volatility percentile, 0 to 1.

    p is 0.5, or with ``volatility_window`` the share of the last so many values of ATR(14) / close
    that are <= the latest closed one; 0.5 again while there are too few of them.
    """

    schedule: str = attrs.field(
        default="2026-02",
        validator=_known_schedule,
        metadata={"doc": "Fee schedule, by the month from which it counts."},
    )
    vip_level: int = attrs.field(
        default=0, validator=[instance_of(int), _known_level], metadata={"doc": "VIP level of the account."}
    )
    pay_in_bnb: bool = attrs.field(
        default=True, validator=instance_of(bool), metadata={"doc": "Whether fees are paid in BNB, 25 % cheaper."}
    )
    spread_bps: float = attrs.field(
        default=2.0,
        validator=[ge(0.0), lt(10_000.0)],
        metadata={"doc": "Quoted spread, bid to ask, in basis points; a taker fill pays half of it."},
    )
    stepped_slippage: bool = attrs.field(
        default=True,
        validator=instance_of(bool),
        metadata={"doc": "Whether taker fills pay slippage; false where another model of composed reckons it."},
    )
    volatility_window: int = attrs.field(
        default=0,
        validator=[instance_of(int), ge(0)],
        metadata={"doc": "Bars over which volatility is ranked for slippage; 0 takes the middle rank always."},
    )

    @property
    def warmup(self) -> int:
        """Bars that the volatility percentile needs; 0 without one."""
        if not self.volatility_window:
            return 0
        return indicators.warmup_bars("ATR", timeperiod=ATR_PERIOD) + self.volatility_window - 1

    def prepare(self, bars: Bars) -> Floats:
        """The volatility percentile of each bar, 0 to 1; NaN while there are too few bars."""
        if not self.volatility_window:
            return np.broadcast_to(np.float64(MIDDLE), len(bars))
        return _rank(indicators.atr(bars, ATR_PERIOD) / bars.close, self.volatility_window)

    def costs(self, side: int, quantity: float, price: float, liquidity: Liquidity, market: Market) -> Costs:
        """Raises ValueError for a quantity or price that is negative or not finite."""
        notional = quantity * price
        if not (quantity >= 0.0 and price >= 0.0 and notional < inf):
            fill_notional(quantity, price)  # raises
        maker_rate, taker_rate, half_spread, slippages, ranked = self._rates
        if liquidity == "maker":
            return new(Costs, (notional * maker_rate, 0.0, 0.0))
        slippage = notional * slippages[bisect_right(STEPS, notional)]
        if ranked:
            slippage *= MIDDLE + _percentile(market)
        return new(Costs, (notional * taker_rate, notional * half_spread, slippage))

    def compiled(self) -> CompiledCosts | None:
        """Its compiled form; none where volatility is ranked, which reads the market."""
        maker_rate, taker_rate, half_spread, slippages, ranked = self._rates
        return None if ranked else CompiledCosts(_compiled, (maker_rate, taker_rate, half_spread, *slippages))

    @cached_property
    def _rates(self) -> tuple[float, float, float, tuple[float, ...], bool]:
        """What a fill is multiplied with: the maker's fee, the taker's, half the spread, slippage by step; and whether
        volatility is ranked."""
        fees, factor = SCHEDULES[self.schedule], BNB_FACTOR if self.pay_in_bnb else 1.0
        return (
            fees.maker_bps[self.vip_level] * BPS * factor,
            fees.taker_bps[self.vip_level] * BPS * factor,
            self.spread_bps / 2.0 * BPS,
            STEP_SLIPPAGES if self.stepped_slippage else (0.0,) * len(STEP_SLIPPAGES),
            bool(self.volatility_window),
        )


def _compiled(numbers: Any, _side: float, quantity: float, price: float, maker: bool) -> Any:
    """``BinanceSpotCosts.costs`` once more; ``numbers``: the rates of makers and takers, half the spread, slippages."""
    notional = quantity * price
    if maker:
        return notional * numbers[0], 0.0, 0.0
    step = 3
    if notional < 100.0:
        step = 0
    elif notional < 500.0:
        step = 1
    elif notional < 1_000.0:
        step = 2
    return notional * numbers[1], notional * numbers[2], notional * numbers[3 + step]


def _percentile(market: Market) -> float:
    rank = market.prepared(market.symbol)
    return MIDDLE if rank is None or rank != rank else float(rank)


def _rank(values: Floats, window: int) -> Floats:
    """Share of the last ``window`` values that are <= the latest; NaN where any of them is missing.

    One pass per lag: memory is a few columns, whatever the window.
    """
    ranks = np.full(len(values), np.nan)
    first = int(np.isnan(values).sum()) + window - 1
    if first >= len(values):
        return ranks
    latest = values[first:]
    counts = np.zeros(len(latest), np.int32)
    for lag in range(window):
        counts += values[first - lag : len(values) - lag] <= latest
    ranks[first:] = counts / window
    return ranks
