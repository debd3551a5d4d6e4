"""The plugin's list of components; imports nothing heavy."""

from __future__ import annotations

from collections.abc import Iterable

from quantsail_framework import Component, hookimpl


@hookimpl
def quantsail_data_sources() -> Iterable[Component]:
    """Candles of every exchange that ccxt knows."""
    yield Component(
        "ccxt",
        "quantsail_ccxt.source:CcxtSource",
        "Candles of a crypto exchange, fetched with ccxt into the store.",
        network=True,
        example={"exchange": "binance", "path": "data"},
    )
