"""Announces the data source of this plugin; imports nothing heavy."""

from __future__ import annotations

from collections.abc import Iterable

from quantsail_framework import Component, hookimpl


@hookimpl
def quantsail_data_sources() -> Iterable[Component]:
    """The data source `sqlite`."""
    yield Component(
        "sqlite",
        "quantsail_sqlite.source:SqliteSource",
        "Reads candles from a SQLite database.",
        example={"path": "candles.db"},
    )
