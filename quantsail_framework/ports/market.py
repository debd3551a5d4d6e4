"""The market as cost models, sizers and risk rules see it: closed bars up to now."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from quantsail_framework.domain.bars import Bars
from quantsail_framework.domain.timeframe import Timeframe


class Market(ABC):
    """Candles that had closed by ``now_ns``. ``symbol`` is the market that the question is about."""

    now_ns: int
    symbol: str
    timeframe: Timeframe

    @property
    @abstractmethod
    def symbols(self) -> tuple[str, ...]:
        """Every symbol of the run, in pipeline order."""

    @abstractmethod
    def closed(self, symbol: str, count: int) -> Bars:
        """The last ``count`` closed bars of ``symbol``, read-only; fewer when there are fewer."""

    @abstractmethod
    def prepared(self, symbol: str) -> Any:
        """The value that the cost model's ``prepare`` has for the last closed bar; None without one."""
