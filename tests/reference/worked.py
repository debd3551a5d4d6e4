"""How a worked scenario is written down: bars as tuples, signals by bar number, and what must come out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from .values import Action, Market, Settings

HOUR = 3_600_000_000_000
START = 1_704_067_200_000_000_000  # 2024-01-01 00:00 UTC
A, B, C = "AAA/USD", "BBB/USD", "CCC/USD"
# Only the share of equity decides: 10,000 * 10 % / 100 = 10 units at a price of 100.
TEN_PERCENT = {
    "max_risk_per_trade_pct": 100.0,
    "max_position_pct_equity": 10.0,
    "min_notional": 10.0,
    "cash_buffer_pct": 1.0,
}
Bar = float | tuple[float, float, float, float]


@dataclass
class Scenario:
    """Markets and settings, and the trades, refusals and money they must give.

    Expected rows name only the columns that the scenario is about; times are bar numbers there
    (``signal``, ``entry``, ``leave`` for trades, ``bar`` for refusals), hours after START.
    ``equity`` lists (bar number, equity) for the points that matter.
    """

    name: str
    markets: list[Market]
    settings: Settings
    trades: list[dict[str, Any]] = field(default_factory=list)
    refusals: list[dict[str, Any]] = field(default_factory=list)
    final_cash: float | None = None
    equity: list[tuple[int, float]] = field(default_factory=list)


def at(bar: int) -> int:
    """Open time of bar number ``bar``."""
    return START + bar * HOUR


def account(**changes: Any) -> Settings:
    """Hourly bars, 10,000, no costs, ten percent a position; ``sizer`` changes single options."""
    sizer = TEN_PERCENT | changes.pop("sizer", {})
    return Settings(**({"timeframe": HOUR, "sizer": sizer} | changes))


def long(stop: float | None = 95.0, target: float | None = None, **more: Any) -> dict[str, Any]:
    """A long entry signal."""
    return {"side": 1, "stop": stop, "target": target} | more


def short(stop: float | None = 105.0, target: float | None = None, **more: Any) -> dict[str, Any]:
    """A short entry signal."""
    return {"side": -1, "stop": stop, "target": target} | more


def market(
    symbol: str,
    bars: Sequence[Bar],
    entries: dict[int, dict[str, Any]] | None = None,
    exits: tuple[int, ...] = (),
    *,
    times: list[int] | None = None,
    plan: dict[int, dict[str, Action]] | None = None,
    **more: Any,
) -> Market:
    """Bars (open, high, low, close), or one number for a bar that stands still, at hours 0, 1, 2 ... or ``times``.

    ``entries`` and ``exits`` are by position in ``bars``, not by hour.
    """
    rows = [(bar, bar, bar, bar) if isinstance(bar, (int, float)) else bar for bar in bars]
    size, signals = len(rows), entries or {}
    per_bar = [signals.get(i, {}) for i in range(size)]
    columns: dict[str, Any] = {
        "time": [at(hour) for hour in (times or range(size))],
        "open": [float(row[0]) for row in rows],
        "high": [float(row[1]) for row in rows],
        "low": [float(row[2]) for row in rows],
        "close": [float(row[3]) for row in rows],
        "volume": [1.0] * size,
        "entry": [signal.get("side", 0) for signal in per_bar],
        "stop": [signal.get("stop") for signal in per_bar],
        "target": [signal.get("target") for signal in per_bar],
        "confidence": [signal.get("confidence", 1.0) for signal in per_bar],
        "exit": [i in exits for i in range(size)],
        "trail": [signal.get("trail") for signal in per_bar],
        "max_bars": [signal.get("max_bars", 0) for signal in per_bar],
        "reason": [signal.get("reason", "") for signal in per_bar],
        "plan": [plan.get(i) for i in range(size)] if plan else [],
    }
    return Market(symbol, **(columns | more))


def trade(signal: int, entry: int, leave: int, **columns: Any) -> dict[str, Any]:
    """An expected trade: hours of signal, entry and exit, and the columns that matter."""
    return {"symbol": A, "signal_time": at(signal), "entry_time": at(entry), "exit_time": at(leave)} | columns


def refusal(bar: int, rule: str, **columns: Any) -> dict[str, Any]:
    """An expected refusal of the signal of the bar at hour ``bar``."""
    return {"symbol": A, "time": at(bar), "rule": rule} | columns
