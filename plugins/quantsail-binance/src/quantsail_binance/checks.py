"""What every cost model of this plugin refuses."""

from __future__ import annotations

from math import inf


def check_fill(quantity: float, price: float) -> float:
    """The notional, quantity * price. Raises ValueError for what is negative or not finite."""
    notional = quantity * price
    if quantity >= 0.0 and price >= 0.0 and notional < inf:  # false for any NaN
        return notional
    raise ValueError(f"costs of {quantity} units at {price}: quantity and price must be finite and not negative")
