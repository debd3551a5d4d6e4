"""Which conditions the draws meet, and what that makes of the whole."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from quantsail_framework.domain.result import Criterion
from quantsail_framework.metrics.undefined import Undefined, Value
from quantsail_monte_carlo.draws import Draws

NOT_ENOUGH = "not_enough_data"


def criteria(
    tests: Sequence[Draws], most_drawdown: float, least_profitable: float, cost_level: float
) -> Iterator[Criterion]:
    """p95 of the shuffles' drawdown < its limit; profitable shares of both jitters >= theirs, of costs at one level."""
    for draws in tests:
        if draws.test == "shuffle":
            yield _judged(f"{draws.prefix}_p95_max_drawdown", draws.drawdown_quantile(95), most_drawdown, below=True)
        if draws.test == "parameter-jitter" or (draws.test == "cost-jitter" and draws.level == cost_level):
            yield _judged(f"{draws.prefix}_profitable_share", draws.profitable_share, least_profitable, below=False)


def verdict(met: Sequence[Criterion]) -> str | None:
    """``pass`` or ``fail``; None when no test that has a criterion was asked for. What has no value fails."""
    if not met:
        return None
    return "pass" if all(criterion.passed for criterion in met) else "fail"


def _judged(name: str, value: Value, limit: float, *, below: bool) -> Criterion:
    if isinstance(value, Undefined):
        return Criterion(name, None, limit, passed=False)
    return Criterion(name, value, limit, passed=value < limit if below else value >= limit)
