"""How much to trade."""

from __future__ import annotations

from typing import Protocol

from quantsail_framework.domain.instrument import Instrument
from quantsail_framework.domain.order import Signal, Sizing
from quantsail_framework.domain.portfolio import Portfolio
from quantsail_framework.ports.market import Market


class Sizer(Protocol):
    """Turns a signal into a quantity. Called per entry signal that found no open position.

    A sizer may have ``min_notional: float``; the larger of it and the instrument's applies.
    """

    def size(self, signal: Signal, instrument: Instrument, portfolio: Portfolio, market: Market) -> Sizing:
        """The quantity, finite and not negative, and what bound it. The engine floors it to the lot."""
        ...
