"""The source keeps the contract of data sources, whichever dialect the exchange speaks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from quantsail_framework.testing import DataSourceContract
from tests.exchanges.bench import LATER_MS, START
from tests.exchanges.binance import Binance
from tests.exchanges.bybit import Bybit
from tests.exchanges.pins import pinned
from tests.exchanges.server import LoopbackExchange, walk_truth

TRUTH = [walk_truth("BTC/USDT", "1h", 60, START), walk_truth("ETH/USDT", "1h", 45, START, seed=2)]


class _Served(DataSourceContract):
    __test__ = False
    plugin = "quantsail_ccxt"
    component = "ccxt"
    symbols = ("BTC/USDT", "ETH/USDT")
    timeframe = "1h"
    start_ns = START
    end_ns = START + 60 * 3_600_000_000_000
    dialect: type[LoopbackExchange] = Binance

    @pytest.fixture(autouse=True)
    def _exchange(self, tmp_path: Path) -> Iterator[None]:
        with self.dialect(TRUTH, lambda: LATER_MS) as exchange:
            config = pinned(exchange.name, exchange.url) | {"rateLimit": 1}
            self.options = {"exchange": exchange.name, "path": str(tmp_path / "data"), "ccxt_config": config}
            yield


class TestBinance(_Served):
    __test__ = True
    dialect = Binance


class TestBybit(_Served):
    __test__ = True
    dialect = Bybit
