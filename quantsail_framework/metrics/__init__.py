"""Performance statistics: pure functions over arrays, so that any runner, search or notebook can use them alone.

Fractions, not percents. What cannot be computed is Undefined with a reason, never NaN or infinity.
"""

from quantsail_framework.metrics.bootstrap import Interval, curve_intervals, trade_intervals
from quantsail_framework.metrics.overfitting import Overfitting, backtest_overfitting
from quantsail_framework.metrics.performance import Performance, buy_and_hold, performance
from quantsail_framework.metrics.significance import (
    SharpeMoments,
    deflated_sharpe,
    expected_max_sharpe,
    min_track_record_length,
    probabilistic_sharpe,
    sharpe_moments,
)
from quantsail_framework.metrics.trades import best_trades_share, net_without_best
from quantsail_framework.metrics.undefined import Undefined, Value

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
    "probabilistic_sharpe",
    "sharpe_moments",
    "trade_intervals",
]
