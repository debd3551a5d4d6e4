"""The cost model keeps the contract of cost models."""

from __future__ import annotations

from quantsail_framework.testing import CostModelContract


class TestBinanceSpot(CostModelContract):
    plugin = "quantsail_binance"
    component = "binance-spot"


class TestBinanceSpotWithVolatility(CostModelContract):
    plugin = "quantsail_binance"
    component = "binance-spot"
    options = {"volatility_window": 100, "vip_level": 3, "pay_in_bnb": False}
