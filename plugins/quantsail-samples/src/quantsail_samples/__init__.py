"""The plugin's list of components; imports nothing heavy."""

from __future__ import annotations

from collections.abc import Iterable

from quantsail_framework import Component, hookimpl


@hookimpl
def quantsail_data_sources() -> Iterable[Component]:
    """Candles that need neither network nor files of one's own."""
    yield Component(
        "samples",
        "quantsail_samples.samples:SamplesSource",
        "Real candles shipped with the package: EUR/USD and GOOGL/USD.",
        contract={"symbols": ("EUR/USD",), "timeframe": "1h"},
    )
    yield Component(
        "synthetic",
        "quantsail_samples.synthetic:SyntheticSource",
        "A seeded market with calm and wild regimes, made as it is asked for.",
        example={"seed": 7, "length": 2_000},
        contract={
            "symbols": ("A/USDT", "B/USDT"),
            "timeframe": "5m",
            "waive": {"DS-08": "every symbol has a path: there is no unknown one"},
        },
    )
