"""A position that loses a fixed share of equity when its stop is hit: the sizer ``fixed-fractional``."""

from __future__ import annotations

from typing import Any

import attrs
from attrs.validators import gt, le

from quantsail_framework import CompiledSizer, Instrument, Market, Portfolio, Signal, Sizing
from quantsail_sizing.caps import (
    INVALID_LEVELS,
    capped,
    cash_buffer,
    compiled,
    compiled_caps,
    least_notional,
    participation_cap,
    participation_warmup,
    participation_window,
    position_cap,
    stop_distance,
)

RISK = "risk"


@attrs.frozen
class FixedFractional:
    """quantity = min(risk, position, cash, participation), in base currency, at the close c of the signal bar, stop s:

    - risk: equity * ``max_risk_per_trade_pct`` / 100 / |c - s|;
    - position: equity * ``max_position_pct_equity`` / 100 / c;
    - cash: available * (1 - ``cash_buffer_pct`` / 100) / c;
    - participation: ``max_participation_pct`` / 100 of the mean volume, if given.

    ``bound_by`` names the one that decided, the first of them where several are equal. Vince (1992)
    describes the fixed fraction; the caps are for stops so close that the risk alone would allow
    any size. Equity and available cash are the portfolio's now.
    """

    max_risk_per_trade_pct: float = attrs.field(
        default=0.5,
        validator=[gt(0.0), le(100.0)],
        metadata={"doc": "Loss at the stop, before costs, in percent of equity."},
    )
    max_position_pct_equity: float = position_cap(10.0)
    cash_buffer_pct: float = cash_buffer()
    min_notional: float = least_notional()
    max_participation_pct: float | None = participation_cap()
    participation_window: int = participation_window()

    @property
    def warmup(self) -> int:
        """Bars that the cap on participation needs."""
        return participation_warmup(self)

    def size(self, signal: Signal, instrument: Instrument, portfolio: Portfolio, market: Market) -> Sizing:
        """Quantity 0 where a stop is not beyond the close (``invalid_levels``) or nothing is left to size with."""
        distance = stop_distance(signal)
        if distance is None:
            return Sizing(0.0, INVALID_LEVELS)
        quantity = portfolio.equity * self.max_risk_per_trade_pct / 100.0 / distance
        return capped(self, quantity, RISK, signal, portfolio, market)

    def compiled(self) -> CompiledSizer | None:
        """Its compiled form; none with a cap on participation."""
        return compiled(self, _compiled, RISK, self.max_risk_per_trade_pct)


def _compiled(numbers: Any, request: Any, account: Any) -> Any:
    """``FixedFractional.size`` once more; ``numbers``: the caps, the risk in percent."""
    distance = request.side * (request.price - request.stop)
    if not (request.price > 0.0 and distance > 0.0):
        return 0.0, 3
    return compiled_caps(numbers, account.equity * numbers[2] / 100.0 / distance, request.price, account)
