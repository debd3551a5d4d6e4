"""`sqlite` keeps the contract of its kind, on a database that is written for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from quantsail_framework import Bars
from quantsail_framework.testing import DataSourceContract, markets


class TestContract(DataSourceContract):
    plugin = "quantsail_sqlite"
    component = "sqlite"
    symbols = ("BTC/USDT", "ETH/USDT")
    timeframe = "5m"

    @pytest.fixture(autouse=True)
    def _file(self, database: Callable[[Sequence[Bars]], Path]) -> None:
        series = [markets.random_walk(1, 60, self.timeframe, symbol, gaps=True) for symbol in self.symbols]
        self.options = {"path": str(database(series))}
