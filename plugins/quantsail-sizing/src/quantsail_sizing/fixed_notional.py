"""The same amount of money in every trade: the sizer ``fixed-notional``."""

from __future__ import annotations

from math import inf
from typing import Any

import attrs
from attrs.validators import gt, lt

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

NOTIONAL = "notional"


@attrs.frozen
class FixedNotional:
    """quantity = ``notional`` / close, within the caps on position, cash and participation.

    The stop plays no part: what a trade risks follows from how far the strategy puts it, and the
    same amount weighs more the more the account has lost, up to the cap on the position.
    """

    notional: float = attrs.field(
        validator=[gt(0.0), lt(inf)], metadata={"doc": "Notional of every trade, in quote currency."}
    )
    max_position_pct_equity: float = position_cap(100.0)
    cash_buffer_pct: float = cash_buffer()
    min_notional: float = least_notional()
    max_participation_pct: float | None = participation_cap()
    participation_window: int = participation_window()

    @property
    def warmup(self) -> int:
        """Bars that the cap on participation needs."""
        return participation_warmup(self)

    def size(self, signal: Signal, instrument: Instrument, portfolio: Portfolio, market: Market) -> Sizing:
        """Quantity 0 where nothing is left to size with."""
        if stop_distance(signal) is None:
            return Sizing(0.0, INVALID_LEVELS)
        return capped(self, self.notional / signal.price, NOTIONAL, signal, portfolio, market)

    def compiled(self) -> CompiledSizer | None:
        """Its compiled form; none with a cap on participation."""
        return compiled(self, _compiled, NOTIONAL, self.notional)


def _compiled(numbers: Any, request: Any, account: Any) -> Any:
    """``FixedNotional.size`` once more; ``numbers``: the caps, the notional."""
    if not (request.price > 0.0 and request.side * (request.price - request.stop) > 0.0):
        return 0.0, 3
    return compiled_caps(numbers, numbers[2] / request.price, request.price, account)
