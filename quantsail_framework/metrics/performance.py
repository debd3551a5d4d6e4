"""All statistics of one run in one call: the list that ``metrics.json`` holds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from quantsail_framework.domain.lazy import Lazy
from quantsail_framework.domain.result import CurveFacts, Table
from quantsail_framework.metrics import equity as curve
from quantsail_framework.metrics import trades as ledger
from quantsail_framework.metrics.breakdown import by_column, by_month
from quantsail_framework.metrics.undefined import Undefined, Value, finite

_NUMBER = int, float


class Performance(NamedTuple):
    """``metrics``: plain numbers and nested breakdowns by name, None where undefined.

    ``undefined``: why each None is None; a nested one under its dotted path, as in
    ``by_month.2024-01.total_return``.
    """

    metrics: Mapping[str, Any]
    undefined: dict[str, str]


def numbers(metrics: Mapping[str, Any]) -> dict[str, float]:
    """The plain numbers among them, without making what is made later."""
    values = metrics.made if isinstance(metrics, Lazy) else metrics
    return {name: value for name, value in values.items() if isinstance(value, _NUMBER)}


def performance(
    trades: Table,
    equity: Table,
    *,
    capital: float,
    timeframe_ns: int,
    benchmark: float | None,
    known: CurveFacts | None = None,
    breakdowns_later: bool = False,
) -> Performance:
    """Every metric of a run from its ``trades`` and ``equity`` tables (either may be empty).

    ``capital`` > 0 is the equity before the first bar, ``timeframe_ns`` the bar length, ``benchmark``
    the buy-and-hold return (None when there was nothing to buy). Each metric's own function says
    what it means; the totals are sums of the trade columns, ``ambiguous_trades`` counts trades
    whose bar touched stop and target. ``known``: what need not be computed again. ``breakdowns_later``: they are made
    when they are read, as a search seldom does.
    """
    with np.errstate(over="ignore", invalid="ignore"):  # finite() turns what overflows into a reason
        values = _trade_values(trades, equity["equity"], timeframe_ns) | _curve_values(
            equity, capital, timeframe_ns, known
        )
    values["buy_and_hold_return"] = Undefined("no tradable bar to buy at") if benchmark is None else finite(benchmark)
    metrics: dict[str, Any] = {
        name: None if isinstance(value, Undefined) else value for name, value in _in_order(values).items()
    }
    undefined = {name: value.reason for name, value in values.items() if isinstance(value, Undefined)}
    if breakdowns_later:
        later = dict.fromkeys(_BREAKDOWNS, lambda: _breakdowns(trades, equity, capital)[0])
        return Performance(Lazy((*metrics, *_BREAKDOWNS), metrics, later), undefined)
    broken_down, gaps = _breakdowns(trades, equity, capital)
    return Performance(metrics | broken_down, undefined | gaps)


def _breakdowns(trades: Table, equity: Table, capital: float) -> tuple[dict[str, Any], dict[str, str]]:
    """The breakdowns by name, and by dotted path why there is None in them."""
    found = {f"by_{name}": by_column(trades, name) for name in ("symbol", "side", "exit_reason")}
    found["by_month"], gaps = by_month(trades, equity, capital)
    return found, {f"by_month.{path}": reason for path, reason in gaps.items()}


def buy_and_hold(first_opens: Sequence[float], last_closes: Sequence[float]) -> float | None:
    """Return of buying equal amounts of money at each symbol's first tradable open and holding to its last close.

    mean(last close / first open) - 1, a fraction, without costs; None without symbols. One price
    per symbol in both, in the same order.
    """
    if not first_opens:
        return None
    growth = [float(last) / float(first) for first, last in zip(first_opens, last_closes, strict=True)]
    return math.fsum(growth) / len(growth) - 1.0


def _trade_values(trades: Table, equity: Any, timeframe_ns: int) -> dict[str, Value]:
    net, quantity = trades["net_pnl"], trades["quantity"]
    return {
        "total_trades": net.size,
        "winners": int(np.count_nonzero(net > 0)),
        "losers": int(np.count_nonzero(net < 0)),
        "win_rate": ledger.win_rate(net),
        "total_net_pnl": finite(net.sum()),
        "total_fees": finite(trades["fees"].sum()),
        "total_slippage": finite(trades["slippage"].sum()),
        "total_spread": finite(trades["spread"].sum()),
        "profit_factor": ledger.profit_factor(net),
        "avg_trade_pnl": ledger.average_trade(net),
        "turnover": ledger.turnover(quantity * trades["entry_price"], quantity * trades["exit_price"], equity),
        "expectancy": ledger.expectancy(net, trades["risk"]),
        "sqn": ledger.sqn(net),
        "average_holding_hours": ledger.average_holding_hours(
            trades["entry_time"], trades["exit_time"], trades["exit_reason"], timeframe_ns
        ),
        "best_trade": ledger.best_trade(net),
        "worst_trade": ledger.worst_trade(net),
        "ambiguous_trades": int(np.count_nonzero(trades["ambiguous"])),
    }


def _curve_values(equity: Table, capital: float, timeframe_ns: int, known: CurveFacts | None) -> dict[str, Value]:
    time, points = equity["time"], equity["equity"]
    final = float(points[-1]) if points.size else float(capital)
    growth = curve.cagr(final, capital, curve.span_days(time, timeframe_ns))
    found = _drawdown_values(equity, capital, timeframe_ns) if known is None else known._asdict()
    return {
        **found,
        "final_equity": final,
        "total_return": finite(final / capital - 1.0),
        "cagr": growth,
        **_return_values(equity, capital, timeframe_ns),
        "calmar": curve.calmar(growth, found["max_drawdown"]),
    }


def _drawdown_values(equity: Table, capital: float, timeframe_ns: int) -> dict[str, Any]:
    time, points = equity["time"], equity["equity"]
    bends = curve.bends(points)
    drawdown = curve.drawdowns(points[bends], capital)
    return {
        "max_drawdown": curve.max_drawdown(drawdown),
        "max_drawdown_duration_days": curve.max_drawdown_duration_days(time[bends], drawdown, timeframe_ns),
        "exposure_time": curve.exposure_time(equity["exposure"]),
    }


def _return_values(equity: Table, capital: float, timeframe_ns: int) -> dict[str, Value]:
    returns = curve.daily_returns(equity["time"], equity["equity"], capital)
    periods = curve.periods_per_year(equity["time"], timeframe_ns)
    statistics = {"volatility": curve.volatility, "sharpe": curve.sharpe, "sortino": curve.sortino}
    values: dict[str, Value] = {"periods_per_year": periods}
    for name, statistic in statistics.items():
        if isinstance(periods, Undefined):
            values[name] = periods
        else:
            values[name] = returns if isinstance(returns, Undefined) else statistic(returns, periods)
    return values


_BREAKDOWNS = ("by_symbol", "by_side", "by_exit_reason", "by_month")
_ORDER = (
    *("total_trades", "winners", "losers", "win_rate", "total_net_pnl", "total_fees", "total_slippage"),
    *("total_spread", "profit_factor", "avg_trade_pnl", "max_drawdown", "final_equity", "total_return"),
    *("cagr", "volatility", "sharpe", "sortino", "calmar", "periods_per_year", "max_drawdown_duration_days"),
    *("exposure_time", "turnover", "expectancy", "sqn", "average_holding_hours", "best_trade", "worst_trade"),
    *("buy_and_hold_return", "ambiguous_trades"),
)


def _in_order(values: Mapping[str, Value]) -> dict[str, Value]:
    return {name: values[name] for name in _ORDER}
