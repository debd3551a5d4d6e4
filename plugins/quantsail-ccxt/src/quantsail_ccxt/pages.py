"""One page of candles as a venue sent it: checked before anything of it is stored."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import attrs

from quantsail_ccxt.failures import BrokenAnswerError

Row = tuple[int, float, float, float, float, float]  # open time in ms, open, high, low, close, volume

_HOUR_MS = 3_600_000
_PRICES = ("open", "high", "low", "close")


@attrs.frozen
class Page:
    """The candles of the asked range, in order.

    ``beyond``: the venue sent later ones too; ``stale``: only earlier ones. ``fault`` says what is wrong with the
    candle at ``fault_ms``; ``rows`` are then those before it.
    """

    rows: Sequence[Row] = ()
    beyond: bool = False
    stale: bool = False
    fault: str = ""
    fault_ms: int = 0


def checked(answer: Any, start_ms: int, end_ms: int, step_ms: int) -> Page:
    """The candles of ``answer`` that open in [start, end), up to the first that is impossible.

    They may come in any order, with others before and after, and repeated alike. Raises BrokenAnswerError
    for what is no list of candles. A volume that is missing is 0: some markets have none.
    """
    rows: list[Row] = []
    candles = sorted(_candles(answer), key=lambda candle: candle[0])
    beyond = bool(candles) and candles[-1][0] >= end_ms
    stale = bool(candles) and candles[-1][0] < start_ms
    for raw in candles:
        time = raw[0]
        if not start_ms <= time < end_ms:
            continue
        row, fault = _row(raw)
        if rows and rows[-1][0] == time:
            if not fault and rows[-1] == row:
                continue
            rows.pop()
            fault = "it came twice, with different values"
        fault = fault or _misplaced(time, rows[0][0] if rows else time, step_ms)
        if fault:
            return Page(rows, beyond, fault=fault, fault_ms=time)
        rows.append(row)
    return Page(rows, beyond, stale)


def _candles(answer: Any) -> list[Sequence[Any]]:
    if not isinstance(answer, list):
        raise BrokenAnswerError
    for raw in answer:
        if not isinstance(raw, list | tuple) or len(raw) < 6 or type(raw[0]) is not int:
            raise BrokenAnswerError
    return answer


def _row(raw: Sequence[Any]) -> tuple[Row, str]:
    """The candle as numbers, and what is impossible about it."""
    opened, high, low, close = (_number(value) for value in raw[1:5])
    volume = 0.0 if raw[5] is None else _number(raw[5])
    row = (raw[0], opened, high, low, close, volume)
    for name, value in zip(_PRICES, row[1:5], strict=True):
        if not math.isfinite(value) or value <= 0.0:
            return row, f"its {name} is no price"
    if high < max(opened, close) or low > min(opened, close):
        return row, "its high and low do not hold its open and close"
    if not math.isfinite(volume) or volume < 0.0:
        return row, "its volume is negative or no number"
    return row, ""


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return math.nan


def _misplaced(time: int, first: int, step_ms: int) -> str:
    """Days and longer bars may open at any full hour, since some venues count them in their own zone."""
    if time % min(step_ms, _HOUR_MS) or (time - first) % step_ms:
        return "it opens where no bar of this timeframe does"
    return ""
