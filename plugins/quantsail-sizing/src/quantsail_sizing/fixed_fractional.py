"""A position that loses a fixed share of equity when its stop is hit: the sizer ``fixed-fractional``."""

from __future__ import annotations

from math import inf

import attrs
from attrs.validators import ge, gt, le, lt

from quantsail_framework import Instrument, Market, Portfolio, Signal, Sizing

RISK = "risk"
POSITION = "position"
CASH = "cash"
INVALID_LEVELS = "invalid_levels"


@attrs.frozen
class FixedFractional:
    """quantity = min(risk, position, cash), in base currency, at the close c of the signal bar with stop s:

    - risk: equity * ``max_risk_per_trade_pct`` / 100 / |c - s|;
    - position: equity * ``max_position_pct_equity`` / 100 / c;
    - cash: available * (1 - ``cash_buffer_pct`` / 100) / c.

    ``bound_by`` names the one that decided, the first of them where several are equal. Vince (1992)
    describes the fixed fraction; the caps are for stops so close that the risk alone would allow
    any size. Equity and available cash are the portfolio's now.
    """

    max_risk_per_trade_pct: float = attrs.field(
        default=0.5,
        validator=[gt(0.0), le(100.0)],
        metadata={"doc": "Loss at the stop, before costs, in percent of equity."},
    )
    max_position_pct_equity: float = attrs.field(
        default=10.0, validator=[gt(0.0), le(100.0)], metadata={"doc": "Largest notional, in percent of equity."}
    )
    cash_buffer_pct: float = attrs.field(
        default=1.0,
        validator=[ge(0.0), lt(100.0)],
        metadata={"doc": "Share of the available cash that is kept back, for costs and gaps, in percent."},
    )
    min_notional: float = attrs.field(
        default=10.0,
        validator=[ge(0.0), lt(inf)],
        metadata={"doc": "Smallest notional worth an order, in quote currency; the instrument's own may be larger."},
    )

    def size(self, signal: Signal, instrument: Instrument, portfolio: Portfolio, market: Market) -> Sizing:
        """Quantity 0 where a stop is not beyond the close (``invalid_levels``) or nothing is left to size with."""
        price = signal.price
        distance = signal.side * (price - signal.stop)
        if not (price > 0.0 and distance > 0.0):
            return Sizing(0.0, INVALID_LEVELS)
        equity = portfolio.equity
        quantity, bound_by = equity * self.max_risk_per_trade_pct / 100.0 / distance, RISK
        position = equity * self.max_position_pct_equity / 100.0 / price
        if not position >= quantity:
            quantity, bound_by = position, POSITION
        cash = portfolio.available * (1.0 - self.cash_buffer_pct / 100.0) / price
        if not cash >= quantity:
            quantity, bound_by = cash, CASH
        # A negative or missing number anywhere ends here, whichever way it compared above.
        return Sizing(quantity if 0.0 < quantity < inf else 0.0, bound_by)
