"""The plugin's list of components; imports nothing heavy."""

from __future__ import annotations

from collections.abc import Iterable

from quantsail_framework import Component, hookimpl


@hookimpl
def quantsail_data_sources() -> Iterable[Component]:
    """Candles that were fetched or imported before."""
    example = {"path": "data", "venue": "binance"}
    yield Component("store", "quantsail_data.source:StoreSource", "Candles kept in the local store.", example=example)


@hookimpl
def quantsail_commands() -> Iterable[Component]:
    """The data verbs."""
    yield Component("data", "quantsail_data.cli:data", "Fetch, import, list, verify, resample and export candles.")
