"""Fields for options that many components have: a period in bars, a multiple, a number within limits.

A component's fields are its options; each of these is one field, with its limits and its line for the docs.
"""

from __future__ import annotations

from math import inf
from typing import Any

import attrs
from attrs.validators import ge, gt, instance_of, le, lt

LONGEST = 100_000  # bars: what an indicator may look back on


def period(default: int, doc: str, *, least: int = 1) -> Any:
    """A number of bars from ``least`` to 100,000."""
    validator = [instance_of(int), ge(least), le(LONGEST)]
    return attrs.field(default=default, validator=validator, metadata={"doc": doc})


def volume_period(default: int = 20) -> Any:
    """The bars of a mean volume that a bar's own must exceed; 0 switches such a filter off, 1 is refused."""
    return attrs.field(
        default=default,
        validator=[instance_of(int), ge(0), le(LONGEST), _not_one],
        metadata={"doc": "Bars of the mean volume that the bar's own must exceed; 0 switches the filter off."},
    )


def multiple(default: float, doc: str) -> Any:
    """A finite number above zero, such as a distance in ATR."""
    return attrs.field(default=default, validator=[gt(0.0), lt(inf)], metadata={"doc": doc})


def within(low: float, high: float, default: float, doc: str) -> Any:
    """A number from ``low`` to ``high``, both allowed."""
    return attrs.field(default=default, validator=[ge(low), le(high)], metadata={"doc": doc})


def _not_one(_instance: Any, field: attrs.Attribute[int], value: int) -> None:
    if value == 1:
        raise ValueError(f"{field.name} of 1 compares a bar with itself: use 0 (no volume filter) or at least 2")
