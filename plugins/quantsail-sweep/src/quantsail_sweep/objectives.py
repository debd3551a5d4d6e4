"""What a search can maximise: one metric of the run each, None where the metric is undefined.

The formulas and their sources stand with the metrics, in ``quantsail_framework.metrics``.
"""

from __future__ import annotations

import attrs

from quantsail_framework.domain.result import RunResult


@attrs.frozen
class Sharpe:
    """Mean over sample deviation of the daily returns, a year; no unit. None without variance."""

    def score(self, result: RunResult) -> float | None:
        """The metric ``sharpe``."""
        return _metric(result, "sharpe")


@attrs.frozen
class Sortino:
    """Mean over downside deviation of the daily returns, a year; no unit. None without a losing day."""

    def score(self, result: RunResult) -> float | None:
        """The metric ``sortino``."""
        return _metric(result, "sortino")


@attrs.frozen
class Calmar:
    """CAGR over the deepest drawdown; no unit. None without a drawdown."""

    def score(self, result: RunResult) -> float | None:
        """The metric ``calmar``."""
        return _metric(result, "calmar")


@attrs.frozen
class Expectancy:
    """Mean of net result over risk of the trades, in R. None without trades."""

    def score(self, result: RunResult) -> float | None:
        """The metric ``expectancy``."""
        return _metric(result, "expectancy")


@attrs.frozen
class Sqn:
    """sqrt(n) * mean / sample deviation of the trades' net results; no unit. None below two trades."""

    def score(self, result: RunResult) -> float | None:
        """The metric ``sqn``."""
        return _metric(result, "sqn")


@attrs.frozen
class TotalReturn:
    """Final equity over capital, less one: a fraction."""

    def score(self, result: RunResult) -> float | None:
        """The metric ``total_return``."""
        return _metric(result, "total_return")


def _metric(result: RunResult, name: str) -> float | None:
    value = result.metrics[name]
    return None if value is None else float(value)
