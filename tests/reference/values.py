"""What the reference simulator takes and gives: plain lists, numbers and dicts, which anything can be built from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

# What a bar strategy does: enter with a dict of the signal, exit, adjust with two levels (None keeps one), or None.
Action = tuple[Any, ...] | None
# on_bar(symbol, index of the bar that has closed, the open position as a dict or None)
OnBar = Callable[[str, int, dict[str, Any] | None], Action]
# cost(symbol, order side, quantity, price, "maker" or "taker", index of the last visible bar) -> fee, spread, slippage
Paid = tuple[float, float, float]
Cost = Callable[[str, int, float, float, str, int], Paid]
# What one bar of a plan says: an action for each of "flat", "long" and "short".
Plan = list[dict[str, Action] | None]


FREE: tuple[str, dict[str, Any]] = ("basis-points", {"fee_bps": 0.0, "spread_bps": 0.0, "slippage_bps": 0.0})


@dataclass
class Market:
    """One symbol: its bars, its instrument rules, and the signals at the close of each bar.

    Times are bar opens (ns, UTC). An empty signal column means "none at all"; None and NaN mean
    none in stop, target and trail. ``first`` is the number of warm-up bars. ``plan`` is for runs
    with a bar strategy (``follow_plans``) and replaces the signal columns there.
    """

    symbol: str
    time: list[int]
    open: list[float]
    high: list[float]
    low: list[float]
    close: list[float]
    volume: list[float]
    synthetic: list[bool] = field(default_factory=list)
    tick: Decimal | None = None
    lot: Decimal | None = None
    min_notional: float = 0.0
    first: int = 0
    entry: list[int] = field(default_factory=list)
    stop: list[float | None] = field(default_factory=list)
    target: list[float | None] = field(default_factory=list)
    confidence: list[float] = field(default_factory=list)
    exit: list[bool] = field(default_factory=list)
    trail: list[float | None] = field(default_factory=list)
    max_bars: list[int] = field(default_factory=list)
    reason: list[str] = field(default_factory=list)
    plan: Plan = field(default_factory=list)


@dataclass
class Settings:
    """The account and the components, by the names and options of the pipeline file.

    ``timeframe`` is in ns. ``costs`` is (name of a cost model, options) or a Cost.
    ``rules`` are (name, options) in pipeline order.
    """

    timeframe: int
    capital: float = 10_000.0
    both_touched: str = "stop_first"
    zone: str = "UTC"
    sizer: dict[str, float] = field(default_factory=dict)
    costs: tuple[str, dict[str, Any]] | Cost = FREE
    rules: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    on_bar: OnBar | None = None


@dataclass
class Outcome:
    """The three tables as lists of rows, and the cash at the end."""

    trades: list[dict[str, Any]]
    refusals: list[dict[str, Any]]
    equity: list[dict[str, Any]]
    final_cash: float
    first_tradable: dict[str, int | None]


def follow_plans(markets: list[Market]) -> OnBar:
    """The bar strategy that does what the markets' plans say for a flat, a long or a short symbol."""
    plans = {market.symbol: market.plan for market in markets}

    def on_bar(symbol: str, index: int, position: dict[str, Any] | None) -> Action:
        planned = plans[symbol][index] if plans[symbol] else None
        if planned is None:
            return None
        if position is None:
            return planned.get("flat")
        return planned.get("long" if position["side"] > 0 else "short")

    return on_bar
