"""Makers of small trades and equity tables, so that a test states only what it is about."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pytest

DAY = 86_400_000_000_000
Table = Mapping[str, np.ndarray[Any, Any]]

_TEXT = {"symbol": "BTC/USDT", "side": "long", "exit_reason": "target", "bound_by": "risk", "reason": "breakout"}
_TIMES = ("signal_time", "entry_time", "exit_time")
_NUMBERS = {
    "entry_price": 100.0,
    "exit_price": 100.0,
    "stop": 95.0,
    "target": float("nan"),
    "quantity": 1.0,
    "gross_pnl": 0.0,
    "fees": 0.0,
    "spread": 0.0,
    "slippage": 0.0,
    "net_pnl": 0.0,
    "equity_at_entry": 1000.0,
    "risk": 5.0,
    "mae": 0.0,
    "mfe": 0.0,
    "confidence": 1.0,
}


def _trades(rows: Sequence[Mapping[str, Any]]) -> Table:
    table: dict[str, np.ndarray[Any, Any]] = {}
    for name, default in _TEXT.items():
        table[name] = np.array([row.get(name, default) for row in rows], dtype=object)
    for name in _TIMES:
        table[name] = np.array([row.get(name, 0) for row in rows], dtype=np.int64)
    for name, number in _NUMBERS.items():
        table[name] = np.array([row.get(name, number) for row in rows], dtype=np.float64)
    table["ambiguous"] = np.array([row.get("ambiguous", False) for row in rows], dtype=np.bool_)
    return table


def _equity(
    values: Sequence[float], *, times: Sequence[int] | None = None, exposure: Sequence[float] | None = None
) -> Table:
    opens = [i * DAY for i in range(len(values))] if times is None else times
    return {
        "time": np.array(opens, dtype=np.int64),
        "equity": np.array(values, dtype=np.float64),
        "cash": np.array(values, dtype=np.float64),
        "exposure": np.array([0.0] * len(values) if exposure is None else exposure, dtype=np.float64),
    }


@pytest.fixture(scope="session")
def make_trades() -> Callable[..., Table]:
    """``make_trades([{"net_pnl": 1.0}, ...])``: one row per mapping, the rest filled in."""
    return _trades


@pytest.fixture(scope="session")
def make_equity() -> Callable[..., Table]:
    """``make_equity([1000.0, ...], times=None, exposure=None)``: daily points from 1970-01-01 by default."""
    return _equity
