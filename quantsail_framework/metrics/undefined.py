"""A statistic that has no value says why: what the metric functions return instead of NaN or infinity."""

from __future__ import annotations

import math

import attrs

# Relative: smaller differences between amounts of money are floating-point rounding.
ROUNDING = 1e-12


@attrs.frozen
class Undefined:
    """No value. ``reason`` is a clause for the user, such as ``"no trades"``."""

    reason: str


Value = float | Undefined

NO_TRADES = Undefined("no trades")
NO_BARS = Undefined("no bars")
BEYOND = Undefined("beyond the range of floating-point numbers")


def finite(value: float) -> Value:
    """``value`` as a plain float; Undefined when it overflowed."""
    plain = float(value)
    return plain if math.isfinite(plain) else BEYOND
