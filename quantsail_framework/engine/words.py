"""The texts of refusals by the engine itself: one place for every way to simulate."""

from __future__ import annotations

ENDED = "the data end before a bar in which it could fill"


def levels(side: int, price: float, stop: float, target: float | None, confidence: float) -> str:
    """Of ``invalid_levels``: the levels do not lie on their sides of the close, or the confidence is none."""
    if not 0.0 <= confidence <= 1.0:
        return f"confidence {confidence!r} is not between 0 and 1"
    order = "stop < close < target" if side > 0 else "target < close < stop"
    return f"needs {order}; has stop {stop:g}, close {price:g}, target {'none' if target is None else f'{target:g}'}"


def size(bound_by: str) -> str:
    """Of ``sizer``, or ``not_ready``: nothing is left to trade with."""
    return f"no quantity is left (bound by {bound_by})"


def notional(value: float, minimum: float) -> str:
    """Of ``min_notional``."""
    return f"notional {value:.2f} is below the minimum {minimum:.2f}"


def gap(price: float, level: float) -> str:
    """Of ``gapped``: the open has reached a level already."""
    return f"opened at {price:g}, beyond the level {level:g}"


def cash(needed: float, available: float) -> str:
    """Of ``insufficient_cash``."""
    return f"needs {needed:.2f} and {available:.2f} is available"
