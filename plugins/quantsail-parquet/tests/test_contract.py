"""Both sources keep the contract of data sources."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pc
import pytest

from quantsail_framework.testing import DataSourceContract


class TestParquet(DataSourceContract):
    plugin = "quantsail_parquet"
    component = "parquet"
    symbols = ("BTC/USDT", "ETH/USDT")
    timeframe = "1h"

    @pytest.fixture(autouse=True)
    def _files(self, hours: Callable[..., Any], write: Callable[..., Path], tmp_path: Path) -> None:
        write(hours(60), row_group_size=7)
        write(hours(45), "ETH_USDT-1h.parquet")
        self.options = {"path": str(tmp_path)}


class TestCsv(DataSourceContract):
    plugin = "quantsail_parquet"
    component = "csv"
    symbols = ("BTC/USDT", "ETH/USDT")
    timeframe = "1h"

    @pytest.fixture(autouse=True)
    def _files(self, hours: Callable[..., Any], tmp_path: Path) -> None:
        for name, size in (("BTC_USDT", 60), ("ETH_USDT", 45)):
            (tmp_path / name).mkdir()
            pc.write_csv(pa.table(hours(size)), tmp_path / name / "1h.csv")
        self.options = {"path": str(tmp_path / "{symbol}" / "{timeframe}.csv")}
