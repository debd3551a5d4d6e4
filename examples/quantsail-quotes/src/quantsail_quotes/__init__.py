"""Announces the broker of this plugin; imports nothing heavy."""

from __future__ import annotations

from collections.abc import Iterable

from quantsail_framework import Component, hookimpl


@hookimpl
def quantsail_brokers() -> Iterable[Component]:
    """The broker `quotes`."""
    yield Component(
        "quotes",
        "quantsail_quotes.broker:QuotesBroker",
        "Fills at the bid or the ask of quotes that are given.",
        example={"quotes": {"BTC/USDT": [49_990.0, 50_010.0]}},
    )
