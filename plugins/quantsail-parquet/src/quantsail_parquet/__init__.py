"""The plugin's list of components; imports nothing heavy."""

from __future__ import annotations

from collections.abc import Iterable

from quantsail_framework import Component, hookimpl


@hookimpl
def quantsail_data_sources() -> Iterable[Component]:
    """Candles from files, in two formats."""
    example = {"path": "data/binance"}
    yield Component("parquet", "quantsail_parquet.source:ParquetSource", "Candles from Parquet files.", example=example)
    yield Component("csv", "quantsail_parquet.source:CsvSource", "Candles from CSV files.", example=example)
