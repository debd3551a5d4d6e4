"""Figures as people read them: percents of fractions, thousands separators, a dash for what is undefined."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from math import isfinite
from typing import Any

MISSING = "-"
Format = Callable[[Any], str]


def count(value: Any) -> str:
    """``12,345``."""
    return MISSING if value is None else f"{value:,}"


def percent(value: Any) -> str:
    """A fraction as ``12.34%``."""
    return MISSING if value is None else f"{_unsigned_zero(value * 100, 2):,.2f}%"


def change(value: Any) -> str:
    """A fraction as ``+12.34%``; no change has no sign."""
    if value is None:
        return MISSING
    shown = _unsigned_zero(value * 100, 2)
    return f"{shown:+,.2f}%" if shown else f"{shown:.2f}%"


def ratio(value: Any) -> str:
    """A number without unit as ``1.23``."""
    return MISSING if value is None else f"{_unsigned_zero(value, 2):,.2f}"


def with_unit(digits: int, unit: str) -> Format:
    """Numbers as ``1.2`` and the unit."""
    return lambda value: MISSING if value is None else f"{_unsigned_zero(value, digits):,.{digits}f}{unit}"


def general(value: Any) -> str:
    """Whatever a metric holds, in a few characters."""
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: MISSING}[value]
    if isinstance(value, int):
        return count(value)
    if isinstance(value, float):
        return f"{value:,.6g}"
    if isinstance(value, str):
        return value
    return f"{len(value):,} values" if hasattr(value, "__len__") else str(value)


class Money:
    """Amounts with the decimals that suit the account: two for 10,000 USDT, eight for 0.5 BTC."""

    def __init__(self, capital: float | None) -> None:
        size = 100.0 if capital is None else capital
        self.decimals = 2 if size >= 100 else 4 if size >= 1 else 8

    def amount(self, value: Any) -> str:
        """``1,234.50``."""
        return MISSING if value is None else f"{_unsigned_zero(value, self.decimals):,.{self.decimals}f}"

    def result(self, value: Any) -> str:
        """``+1,234.50``; nothing gained or lost has no sign."""
        if value is None:
            return MISSING
        shown = _unsigned_zero(value, self.decimals)
        return f"{shown:+,.{self.decimals}f}" if shown else f"{shown:.{self.decimals}f}"


def moment(time_ns: Any) -> str:
    """Nanoseconds UTC as ``2024-01-31 23:55``."""
    return MISSING if time_ns is None else f"{_utc(time_ns):%Y-%m-%d %H:%M}"


def date(time_ns: Any) -> str:
    """Nanoseconds UTC as ``2024-01-31``."""
    return MISSING if time_ns is None else f"{_utc(time_ns):%Y-%m-%d}"


def plain(value: Any) -> Any:
    """A cell of a table, or a metric, as a Python value; NaN and what is infinite are None."""
    value = value.item() if hasattr(value, "item") else value
    return None if isinstance(value, float) and not isfinite(value) else value


def _utc(time_ns: Any) -> datetime:
    return datetime.fromtimestamp(int(time_ns) // 1_000_000_000, UTC)


def _unsigned_zero(value: float, digits: int) -> float:
    """``value``, but 0.0 when it would be written as -0.00."""
    return value if round(value, digits) else 0.0
