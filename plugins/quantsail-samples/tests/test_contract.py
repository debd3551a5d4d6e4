"""Both sources keep the contract of data sources."""

from __future__ import annotations

from typing import ClassVar

from quantsail_framework.testing import DataSourceContract


class TestSamples(DataSourceContract):
    plugin = "quantsail_samples"
    component = "samples"
    symbols = ("EUR/USD",)
    timeframe = "1h"


class TestSamplesDaily(DataSourceContract):
    plugin = "quantsail_samples"
    component = "samples"
    symbols = ("GOOGL/USD",)
    timeframe = "1d"


class TestSynthetic(DataSourceContract):
    plugin = "quantsail_samples"
    component = "synthetic"
    options: ClassVar = {"seed": 3, "length": 300, "gap_share": 0.1, "silent_share": 0.1}
    symbols = ("A/USDT", "B/USDT")
    timeframe = "5m"
    waive: ClassVar = {"DS-08": "every symbol has a path: there is no unknown one"}
