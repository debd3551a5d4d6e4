"""``mean-reversion`` keeps the contract of strategies, long only, with shorts, and with other periods."""

from __future__ import annotations

from quantsail_framework.testing import StrategyContract


class TestMeanReversion(StrategyContract):
    plugin = "quantsail_mean_reversion"
    component = "mean-reversion"


class TestMeanReversionWithShorts(StrategyContract):
    plugin = "quantsail_mean_reversion"
    component = "mean-reversion"
    options = {"allow_short": True, "rsi_oversold": 40.0}


class TestMeanReversionOfOtherPeriods(StrategyContract):
    plugin = "quantsail_mean_reversion"
    component = "mean-reversion"
    options = {"bb_period": 50, "bb_std": 1.5, "rsi_period": 40, "adx_period": 5, "adx_threshold": 40.0}
