"""``volatility-expansion`` keeps the contract of strategies, long only, with shorts, and without the volume filter."""

from __future__ import annotations

from quantsail_framework.testing import StrategyContract


class TestVolatilityExpansion(StrategyContract):
    plugin = "quantsail_volatility_expansion"
    component = "volatility-expansion"


class TestVolatilityExpansionWithShorts(StrategyContract):
    plugin = "quantsail_volatility_expansion"
    component = "volatility-expansion"
    options = {"allow_short": True, "squeeze_bars": 20, "atr_period": 5, "expansion_atr": 1.0}


class TestVolatilityExpansionWithoutVolume(StrategyContract):
    plugin = "quantsail_volatility_expansion"
    component = "volatility-expansion"
    options = {"volume_period": 0, "bb_period": 5, "bb_std": 1.0, "squeeze_lookback": 30, "squeeze_bars": 3}
