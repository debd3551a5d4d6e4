"""What a search maximises."""

from __future__ import annotations

from typing import Protocol

from quantsail_framework.domain.result import RunResult


class Objective(Protocol):
    """Scores a result; higher is better."""

    def score(self, result: RunResult) -> float | None:
        """A finite number, or None when the result does not qualify.

        The breakdowns among the metrics are made when they are read; why a month has no return is not told here.
        """
        ...
