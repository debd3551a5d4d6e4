"""Every metric of a run with its formula, unit and source: the docstring of the function that computes it."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from typing import Any

from quantsail_framework.metrics import breakdown, buy_and_hold
from quantsail_framework.metrics import equity as curve
from quantsail_framework.metrics import trades as ledger

_Text = str | Callable[..., Any]
# Group to metric to the function that computes it, or what it is where that is a sum or a count.
GROUPS: Mapping[str, Mapping[str, _Text]] = {
    "Trades": {
        "total_trades": "Closed trades.",
        "winners": "Trades with a net result above zero.",
        "losers": "Trades with a net result below zero.",
        "win_rate": ledger.win_rate,
        "profit_factor": ledger.profit_factor,
        "avg_trade_pnl": ledger.average_trade,
        "expectancy": ledger.expectancy,
        "sqn": ledger.sqn,
        "average_holding_hours": ledger.average_holding_hours,
        "best_trade": ledger.best_trade,
        "worst_trade": ledger.worst_trade,
        "ambiguous_trades": "Trades of which one bar touched stop and target, so that their order is not known.",
        "turnover": ledger.turnover,
    },
    "Money": {
        "total_net_pnl": "Sum of the trades' net results: money. It is the change of cash over the run.",
        "total_fees": "Sum of the fees of all fills: money, positive when paid.",
        "total_spread": "Sum of the spread paid in all fills: money.",
        "total_slippage": "Sum of the slippage of all fills: money.",
        "final_equity": "Equity at the last close: money. The capital without bars.",
        "total_return": "Final equity / capital - 1: a fraction.",
        "buy_and_hold_return": buy_and_hold,
    },
    "Equity curve": {
        "max_drawdown": curve.max_drawdown,
        "max_drawdown_duration_days": curve.max_drawdown_duration_days,
        "cagr": curve.cagr,
        "periods_per_year": curve.periods_per_year,
        "volatility": curve.volatility,
        "sharpe": curve.sharpe,
        "sortino": curve.sortino,
        "calmar": curve.calmar,
        "exposure_time": curve.exposure_time,
    },
    "Breakdowns": {
        "by_symbol": breakdown.by_column,
        "by_side": "As `by_symbol`, by `long` and `short`.",
        "by_exit_reason": "As `by_symbol`, by why the trade ended.",
        "by_month": breakdown.by_month,
    },
}


def metrics() -> str:
    """A section for each metric, in groups."""
    return "\n\n".join(_group(title, found) for title, found in GROUPS.items())


def _group(title: str, found: Mapping[str, _Text]) -> str:
    return "\n\n".join([f"## {title}", *(f"### {name}\n\n{_text(text)}" for name, text in found.items())])


def _text(text: _Text) -> str:
    words = text if isinstance(text, str) else inspect.cleandoc(text.__doc__ or "")
    return re.sub(r"\bUndefined\b", "**Undefined**", words.replace("``", "`").replace(" * ", r" \* "))
