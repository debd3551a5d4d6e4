"""Results and pipelines to try reporters, observers and runners on, without running an engine or reading a file."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np

from quantsail_framework.domain.order import Refusal
from quantsail_framework.domain.result import RunResult, Table, is_time_column
from quantsail_framework.domain.signals import LONG, SHORT, side_name
from quantsail_framework.domain.trade import EXIT_REASONS, Trade
from quantsail_framework.metrics import performance
from quantsail_framework.ports.runner import DataSpec, Pipeline, Session
from quantsail_framework.testing import markets
from quantsail_framework.testing.fakes import (
    CAPITAL,
    FakeCosts,
    FakeSizer,
    FakeSource,
    FakeStrategy,
    ManualClock,
    refusal,
    trade,
)

_TEXT = ("symbol", "side", "exit_reason", "bound_by", "reason", "rule", "text")
_HOUR_NS = 3_600_000_000_000


def example_result(trades: int = 8, *, kind: str = "backtest", name: str = "example") -> RunResult:
    """A result with the tables, metrics and notes of a backtest over 60 days of hourly bars.

    ``trades`` long and short trades of two symbols end for every reason in turn, and half as many
    entries were refused; 0 gives the result of a run in which nothing happened.
    """
    closed = [_trade(number) for number in range(trades)]
    tables = {
        "trades": trades_table(closed),
        "equity": _equity_table(closed, 60 * 24),
        "refusals": refusals_table([refusal(time_ns=_hour(number)) for number in range(trades // 2)]),
    }
    known = performance(tables["trades"], tables["equity"], capital=CAPITAL, timeframe_ns=_HOUR_NS, benchmark=0.05)
    return RunResult(kind, name, tables, known.metrics, known.undefined, notes=("This is an example.",))


def trades_table(trades: list[Trade]) -> Table:
    """``trades`` as the trades table of a result; without any, its empty columns."""
    rows = [attrs.asdict(each) for each in trades]
    return {field.name: _column(field.name, [row[field.name] for row in rows]) for field in attrs.fields(Trade)}


def refusals_table(refusals: list[Refusal]) -> Table:
    """``refusals`` as the refusals table of a result; without any, its empty columns."""
    names = {field.name: "time" if field.name == "time_ns" else field.name for field in attrs.fields(Refusal)}
    columns = {new: _column(new, [getattr(each, old) for each in refusals]) for old, new in names.items()}
    return columns | {"side": np.array([side_name(each.side) for each in refusals], dtype=object)}


def example_pipeline(**parts: Any) -> Pipeline:
    """A pipeline of fakes over 400 five-minute bars that trades every 20; ``parts`` replaces fields of it."""
    bars = markets.random_walk(7, 400)
    defaults: dict[str, Any] = {
        "name": "example",
        "runner": "backtest",
        "capital": CAPITAL,
        "data": DataSpec((bars.symbol,), bars.timeframe),
        "source": FakeSource({bars.symbol: bars}),
        "strategy": FakeStrategy(),
        "costs": FakeCosts(),
        "sizer": FakeSizer(),
    }
    return Pipeline(**(defaults | parts))


def example_session(**parts: Any) -> Session:
    """A session that keeps nothing, by a clock that stands still; ``parts`` replaces fields of it."""
    return Session(**({"wall_ns": ManualClock()} | parts))


def _hour(number: int) -> int:
    return markets.START_NS + number * _HOUR_NS


def _trade(number: int) -> Trade:
    """Trade ``number``: enters two days after the one before, ends ten hours later, every third at a loss."""
    side = SHORT if number % 4 == 3 else LONG
    move = -2.0 if number % 3 == 2 else 3.0
    entry = number * 48 + 24
    return trade(
        symbol=("TEST/USDT", "BTC/USDT")[number % 2],
        side=side_name(side),
        signal_time=_hour(entry - 1),
        entry_time=_hour(entry),
        exit_time=_hour(entry + 10),
        exit_price=markets.PRICE + side * move,
        stop=markets.PRICE - side * 2.0,
        target=markets.PRICE + side * 3.0 if number % 5 else None,
        quantity=10.0,
        fees=1.0,
        spread=0.1,
        slippage=0.2,
        exit_reason=EXIT_REASONS[number % len(EXIT_REASONS)],
        risk=20.0,
        ambiguous=number % 7 == 6,
    )


def _equity_table(trades: list[Trade], bars: int) -> Table:
    """Equity that moves when a trade ends; the gross exposure while it is open."""
    bars = max(bars, len(trades) * 48 + 48)
    time = markets.START_NS + np.arange(bars, dtype=np.int64) * _HOUR_NS
    equity, exposure = np.full(bars, CAPITAL), np.zeros(bars)
    for each in trades:
        equity[time >= each.exit_time] += each.net_pnl
        exposure[(time >= each.entry_time) & (time < each.exit_time)] = each.quantity * each.entry_price
    return {"time": time, "equity": equity, "cash": equity - exposure, "exposure": exposure}


def _column(name: str, values: list[Any]) -> Any:
    """A column typed as in a result: text as objects, times as int64, a missing number as NaN."""
    if name in _TEXT:
        return np.array(values, dtype=object)
    if is_time_column(name):
        return np.array(values, dtype=np.int64)
    return np.array(
        [np.nan if value is None else value for value in values], np.bool_ if name == "ambiguous" else np.float64
    )
