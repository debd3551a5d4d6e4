"""What caps every size of this plugin: a share of equity, the available cash, a share of the volume."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import Any, Protocol

import attrs
from attrs.validators import ge, gt, instance_of, le, lt, optional

from quantsail_framework import CompiledSizer, Market, Portfolio, Signal, Sizing

POSITION = "position"
CASH = "cash"
PARTICIPATION = "participation"
INVALID_LEVELS = "invalid_levels"
# Makes a Sizing without the Python-level call of its constructor: every signal asks for one. Else write Sizing(...).
new = tuple.__new__


def position_cap(default: float) -> Any:
    """The option ``max_position_pct_equity``."""
    return attrs.field(
        default=default, validator=[gt(0.0), le(100.0)], metadata={"doc": "Largest notional, in percent of equity."}
    )


def cash_buffer() -> Any:
    """The option ``cash_buffer_pct``."""
    return attrs.field(
        default=1.0,
        validator=[ge(0.0), lt(100.0)],
        metadata={"doc": "Share of the available cash that is kept back, for costs and gaps, in percent."},
    )


def least_notional() -> Any:
    """The option ``min_notional``."""
    return attrs.field(
        default=10.0,
        validator=[ge(0.0), lt(inf)],
        metadata={"doc": "Smallest notional worth an order, in quote currency; the instrument's own may be larger."},
    )


def participation_cap() -> Any:
    """The option ``max_participation_pct``."""
    return attrs.field(
        default=None,
        validator=optional([gt(0.0), lt(inf)]),
        metadata={"doc": "Largest quantity, in percent of the mean volume of closed bars; no cap without."},
    )


def participation_window() -> Any:
    """The option ``participation_window``."""
    return attrs.field(
        default=100,
        validator=[instance_of(int), ge(1)],
        metadata={"doc": "Closed bars over which that mean volume is taken."},
    )


class Capped(Protocol):
    """A sizer with these options; each sizer of this plugin is one."""

    @property
    def min_notional(self) -> float: ...

    @property
    def max_position_pct_equity(self) -> float: ...

    @property
    def cash_buffer_pct(self) -> float: ...

    @property
    def max_participation_pct(self) -> float | None: ...

    @property
    def participation_window(self) -> int: ...


def capped(
    sizer: Capped, quantity: float, bound_by: str, signal: Signal, portfolio: Portfolio, market: Market
) -> Sizing:
    """The smallest of ``quantity`` and the caps, and the word for which it was; the first where several are equal.

    - position: equity * ``max_position_pct_equity`` / 100 / close;
    - cash: available * (1 - ``cash_buffer_pct`` / 100) / close;
    - participation: mean volume * ``max_participation_pct`` / 100, if there is that cap.
    """
    price, equity = signal.price, portfolio.equity
    if not 0.0 < equity < inf:
        return Sizing(0.0, POSITION)
    position = equity * sizer.max_position_pct_equity / 100.0 / price
    if position < quantity:
        quantity, bound_by = position, POSITION
    cash = portfolio.available * (1.0 - sizer.cash_buffer_pct / 100.0) / price
    if not cash >= quantity:  # also for a NaN
        quantity, bound_by = cash, CASH
    if sizer.max_participation_pct is not None:
        share = mean_volume(market, signal.symbol, sizer.participation_window) * sizer.max_participation_pct / 100.0
        if share < quantity:
            quantity, bound_by = share, PARTICIPATION
    return new(Sizing, (quantity if 0.0 < quantity < inf else 0.0, bound_by))


def compiled(sizer: Capped, function: Callable[..., Any], word: str, number: float) -> CompiledSizer | None:
    """The compiled form of a sizer whose ``function`` ends in ``compiled_caps``; none with a cap on participation."""
    if sizer.max_participation_pct is not None:
        return None
    numbers = (sizer.max_position_pct_equity, sizer.cash_buffer_pct, number)
    return CompiledSizer(function, numbers, (word, POSITION, CASH, INVALID_LEVELS), sizer.min_notional)


def compiled_caps(numbers: Any, quantity: float, price: float, account: Any) -> Any:
    """``capped`` once more, of a ``quantity`` bound by the word 0; ``numbers`` begin with the caps."""
    bound_by = 0
    if not 0.0 < account.equity < inf:
        return 0.0, 1
    position = account.equity * numbers[0] / 100.0 / price
    if position < quantity:
        quantity, bound_by = position, 1
    cash = account.available * (1.0 - numbers[1] / 100.0) / price
    if not cash >= quantity:
        quantity, bound_by = cash, 2
    return (quantity if 0.0 < quantity < inf else 0.0), bound_by


def participation_warmup(sizer: Capped) -> int:
    """Bars that the cap on participation needs: none without it."""
    return 0 if sizer.max_participation_pct is None else sizer.participation_window


def mean_volume(market: Market, symbol: str, window: int) -> float:
    """Mean volume (base currency) of the last ``window`` closed bars, bars without any included; 0 before the first."""
    volume = market.closed(symbol, window).volume
    return float(volume.mean()) if len(volume) else 0.0


def stop_distance(signal: Signal) -> float | None:
    """What a unit loses at the stop, in quote currency; None where the stop is not beyond the close."""
    price = signal.price
    distance = signal.side * (price - signal.stop)
    return distance if price > 0.0 and distance > 0.0 else None
