"""The score that a search maximises unless it is told another, and how many trades a score needs."""

from __future__ import annotations

import attrs

from quantsail_framework.domain.result import RunResult
from quantsail_framework.metrics import profit_factor_ln_trades
from quantsail_framework.ports.objective import Objective


@attrs.frozen
class ProfitFactorLnTrades:
    """profit_factor * ln(total_trades); without losers the profit factor counts as 10.

    None where no trade won or lost.
    """

    def score(self, result: RunResult) -> float | None:
        """The score of a result."""
        metrics = result.metrics
        if not metrics["winners"] and not metrics["losers"]:
            return None
        return profit_factor_ln_trades(metrics["profit_factor"], metrics["total_trades"])


@attrs.frozen
class EnoughTrades:
    """Another objective's score of results with at least ``min_trades`` trades; of the others none."""

    objective: Objective
    min_trades: int

    def score(self, result: RunResult) -> float | None:
        """The score of a result."""
        return self.objective.score(result) if result.metrics["total_trades"] >= self.min_trades else None
