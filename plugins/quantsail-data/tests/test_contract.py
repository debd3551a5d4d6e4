"""The source `store` keeps the contract of data sources."""

from __future__ import annotations

from pathlib import Path

import pytest

from quantsail_framework.store import Store
from quantsail_framework.testing import DataSourceContract


class TestStore(DataSourceContract):
    plugin = "quantsail_data"
    component = "store"
    symbols = ("BTC/USDT", "ETH/USDT")
    timeframe = "5m"

    @pytest.fixture(autouse=True)
    def _stored(self, store: Store, tmp_path: Path) -> None:
        self.options = {"venue": "binance", "path": str(tmp_path / "data")}
