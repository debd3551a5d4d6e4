"""When and at what price orders fill: the rules of one bar, shared by every runner."""

from __future__ import annotations

from typing import NamedTuple

from quantsail_framework.engine.values import new


class Touch(NamedTuple):
    """A protective level was touched: its price, whether it was the stop, and whether both were."""

    price: float
    by_stop: bool
    ambiguous: bool


def gapped(side: int, stop: float, target: float | None, open_: float) -> float | None:
    """The level that the open has already reached, so that an entry makes no sense; None when it has not."""
    if side > 0:
        if open_ <= stop:
            return stop
        return target if target is not None and open_ >= target else None
    if open_ >= stop:
        return stop
    return target if target is not None and open_ <= target else None


def touch(
    side: int, stop: float, target: float | None, open_: float, high: float, low: float, target_first: bool
) -> Touch | None:
    """What ends a position inside a bar, if anything.

    A long's stop is touched when low <= stop and fills at min(open, stop); its target when
    high >= target, at max(open, target). Shorts mirror this. When both are touched the stop fills,
    or the target with ``target_first``.
    """
    if side > 0:
        stopped = low <= stop
        won = target is not None and high >= target
    else:
        stopped = high >= stop
        won = target is not None and low <= target
    if not (stopped or won):
        return None
    if stopped and not (won and target_first):
        price = stop if (open_ > stop if side > 0 else open_ < stop) else open_
        return new(Touch, (price, True, won))
    assert target is not None  # noqa: S101  # won says so; for the type checker
    price = target if (open_ < target if side > 0 else open_ > target) else open_
    return new(Touch, (price, False, stopped))
