"""What the reference keeps of an order, a position and a trade, and how it rounds."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

from .values import Paid


@dataclass
class Order:
    """An accepted entry that waits for the next tradable open of its symbol."""

    symbol: str
    side: int
    quantity: float
    price: float
    stop: float
    target: float | None
    signal: dict[str, Any]
    signal_time: int
    day: date
    equity: float
    risk: float
    bound_by: str


@dataclass
class Position:
    """An open position; ``leaving`` is the reason of a market exit that waits for its open."""

    symbol: str
    side: int
    quantity: float
    entry_price: float
    entry_time: int
    entry_costs: Paid
    stop: float
    target: float | None
    order: Order
    lowest: float
    highest: float
    bars: int = 0
    trailed: bool = False
    leaving: str | None = None

    def view(self) -> dict[str, Any]:
        """What a bar strategy may see."""
        names = ("side", "quantity", "entry_price", "entry_time", "stop", "target")
        return {name: getattr(self, name) for name in names} | {"initial_stop": self.order.stop}


def trade_row(
    position: Position, price: float, paid: Paid, now: int, reason: str, *, ambiguous: bool
) -> dict[str, Any]:
    """One row of the trades table. Of the exit bar, mae and mfe take only the price, unless it had closed by then."""
    side, quantity, entry, order = position.side, position.quantity, position.entry_price, position.order
    lowest, highest = min(position.lowest, price), max(position.highest, price)
    down, up = (entry - lowest) / entry, (highest - entry) / entry
    fees, spread, slippage = (position.entry_costs[k] + paid[k] for k in range(3))
    gross = side * quantity * (price - entry)
    return {
        "symbol": position.symbol,
        "side": side_name(side),
        "signal_time": order.signal_time,
        "entry_time": position.entry_time,
        "exit_time": now,
        "entry_price": entry,
        "exit_price": price,
        "stop": order.stop,
        "target": position.target,
        "quantity": quantity,
        "gross_pnl": gross,
        "fees": fees,
        "spread": spread,
        "slippage": slippage,
        "net_pnl": gross - fees - spread - slippage,
        "exit_reason": reason,
        "equity_at_entry": order.equity,
        "risk": order.risk,
        "bound_by": order.bound_by,
        "mae": down if side > 0 else up,
        "mfe": up if side > 0 else down,
        "ambiguous": ambiguous,
        "confidence": order.signal["confidence"],
        "reason": order.signal["reason"],
    }


def side_name(side: int) -> str:
    return "long" if side > 0 else "short"


def missing(value: float | None) -> bool:
    return value is None or math.isnan(value)


def to_step(value: float, step: Decimal | None, *, up: bool) -> float:
    """The multiple of ``step`` at or beside ``value``, exactly; the float counts as the decimal it prints as."""
    if step is None or not math.isfinite(value):
        return value
    steps = Fraction(repr(float(value))) / Fraction(step)
    return float((math.ceil(steps) if up else math.floor(steps)) * Fraction(step))
