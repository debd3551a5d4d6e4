"""Performance statistics: pure functions over arrays, so that any runner, search or notebook can use them alone.

Fractions, not percents. What cannot be computed is Undefined with a reason, never NaN or infinity.
"""

from quantsail_framework.metrics.performance import Performance, buy_and_hold, performance
from quantsail_framework.metrics.score import profit_factor_ln_trades
from quantsail_framework.metrics.undefined import Undefined, Value

__all__ = ["Performance", "Undefined", "Value", "buy_and_hold", "performance", "profit_factor_ln_trades"]
