"""Candle files that the tests of this folder write, and where the real ones are."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from quantsail_framework.domain.bars import Bars
from quantsail_framework.domain.timeframe import Timeframe
from quantsail_framework.ports.data_source import BarRequest
from quantsail_parquet.source import CsvSource, ParquetSource


@pytest.fixture(scope="session")
def hours() -> Callable[..., dict[str, Any]]:
    """Hourly candles as columns from 2023-01-01 00:00 UTC (in ns): bar i opens at 100 + i, closes at 100.5 + i."""

    def hours(size: int) -> dict[str, Any]:
        row = np.arange(size)
        return {
            "timestamp": 1_672_531_200_000_000_000 + row * 3_600_000_000_000,
            "open": 100.0 + row,
            "high": 101.0 + row,
            "low": 99.0 + row,
            "close": 100.5 + row,
            "volume": 10.0 + row,
        }

    return hours


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Writes columns as Parquet into ``tmp_path`` and gives the path."""

    def write(columns: dict[str, Any], name: str = "BTC_USDT-1h.parquet", **options: Any) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        whole = (pa.Array, pa.ChunkedArray)
        arrays = [column if isinstance(column, whole) else pa.array(column) for column in columns.values()]
        pq.write_table(pa.Table.from_arrays(arrays, names=list(columns)), path, **options)
        return path

    return write


@pytest.fixture
def load(tmp_path: Path) -> Callable[..., Bars]:
    """Reads one series as a pipeline with ``path = tmp_path`` would."""

    def load(
        symbol: str = "BTC/USDT", timeframe: str = "1h", *, path: Path = tmp_path, csv: bool = False, **bounds: int
    ) -> Bars:
        source = CsvSource(path) if csv else ParquetSource(path)
        return next(source.bars([BarRequest(symbol, Timeframe(timeframe), **bounds)]))

    return load


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user can reach, other than ``tmp_path``."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    folder.chmod(0o755)
    shutil.rmtree(folder)


@pytest.fixture
def as_nobody() -> Iterator[None]:
    """Gives up the rights of root for the test, since root may read every folder."""
    if not hasattr(os, "geteuid"):
        pytest.skip("no user rights to take away on this system")
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)
