"""Whether what a component says of a bar depends on what it must not: later bars, or where the history begins.

``check_pipeline`` asks the components of a pipeline on its own candles; the contract suites of
``quantsail_framework.testing`` use the same parts on made markets.
"""

from quantsail_framework.causality.check import Checked, Finding, Honesty, check_pipeline
from quantsail_framework.causality.compare import Columns, differences, first_difference
from quantsail_framework.causality.futures import other_future, other_informative

__all__ = [
    "Checked",
    "Columns",
    "Finding",
    "Honesty",
    "check_pipeline",
    "differences",
    "first_difference",
    "other_future",
    "other_informative",
]
