"""Statistics of performance and of luck: pure functions over arrays.

Fractions, not percents. What cannot be computed is Undefined with a reason, never NaN or infinity. What only searches
need is imported on first use.
"""

import importlib
from typing import TYPE_CHECKING, Any

from quantsail_framework.metrics.performance import Performance, buy_and_hold, performance
from quantsail_framework.metrics.undefined import Undefined, Value

if TYPE_CHECKING:
    from quantsail_framework.metrics.bootstrap import Interval, curve_intervals, trade_intervals
    from quantsail_framework.metrics.overfitting import Overfitting, backtest_overfitting
    from quantsail_framework.metrics.score import profit_factor_ln_trades
    from quantsail_framework.metrics.significance import (
        SharpeMoments,
        deflated_sharpe,
        expected_max_sharpe,
        min_track_record_length,
        period_sharpe,
        probabilistic_sharpe,
        sharpe_moments,
    )
    from quantsail_framework.metrics.trades import best_trades_share, net_without_best

_HOMES = {
    "bootstrap": ("Interval", "curve_intervals", "trade_intervals"),
    "overfitting": ("Overfitting", "backtest_overfitting"),
    "score": ("profit_factor_ln_trades",),
    "significance": (
        "SharpeMoments",
        "deflated_sharpe",
        "expected_max_sharpe",
        "min_track_record_length",
        "period_sharpe",
        "probabilistic_sharpe",
        "sharpe_moments",
    ),
    "trades": ("best_trades_share", "net_without_best"),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "Interval",
    "Overfitting",
    "Performance",
    "SharpeMoments",
    "Undefined",
    "Value",
    "backtest_overfitting",
    "best_trades_share",
    "buy_and_hold",
    "curve_intervals",
    "deflated_sharpe",
    "expected_max_sharpe",
    "min_track_record_length",
    "net_without_best",
    "performance",
    "period_sharpe",
    "probabilistic_sharpe",
    "profit_factor_ln_trades",
    "sharpe_moments",
    "trade_intervals",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
