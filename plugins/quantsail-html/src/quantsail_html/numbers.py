"""Figures as people read them: percents of fractions, thousands separators, a dash for what is undefined."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

import numpy as np

MISSING = "–"
NS_PER_DAY = 86_400_000_000_000


def number(value: Any, digits: int = 2, unit: str = "") -> str:
    """``1,234.50`` and the unit; NaN, None and what is no number are missing."""
    if not is_number(value):
        return str(value) if isinstance(value, str) else MISSING
    return f"{_no_minus_zero(value, digits):,.{digits}f}{unit}"


def count(value: Any) -> str:
    """``12,345``."""
    return number(value, 0)


def percent(value: Any, digits: int = 2) -> str:
    """A fraction as ``12.34 %``."""
    return number(value * 100 if is_number(value) else None, digits, " %")


def change(value: Any) -> str:
    """A fraction as ``+12.34 %``."""
    return _signed(percent(value), value)


def result(value: Any, digits: int) -> str:
    """An amount gained or lost as ``+1,234.50``."""
    return _signed(number(value, digits), value)


def general(value: Any) -> str:
    """Any value in a few characters."""
    if value is None:
        return MISSING
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, int | np.integer):
        return str(int(value))
    if isinstance(value, float | np.floating):
        return f"{value:,.6g}" if math.isfinite(value) else MISSING
    if isinstance(value, list | tuple):
        return ", ".join(map(general, value)) or MISSING
    return str(value)


def moment(time_ns: Any) -> str:
    """Nanoseconds UTC as ``2024-01-31 23:55``."""
    return MISSING if time_ns is None else f"{_utc(time_ns):%Y-%m-%d %H:%M}"


def date(time_ns: Any) -> str:
    """Nanoseconds UTC as ``2024-01-31``."""
    return MISSING if time_ns is None else f"{_utc(time_ns):%Y-%m-%d}"


def is_number(value: Any) -> bool:
    """Whether ``value`` is a finite number (a truth value is none)."""
    plain = isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
    return plain and math.isfinite(value)


def _utc(time_ns: Any) -> datetime:
    return datetime.fromtimestamp(int(time_ns) // 1_000_000_000, UTC)


def _signed(text: str, value: Any) -> str:
    positive = is_number(value) and value > 0 and any(digit in text for digit in "123456789")
    return f"+{text}" if positive else text


def _no_minus_zero(value: float, digits: int) -> float:
    return value if round(value, digits) else 0.0
