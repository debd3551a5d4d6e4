"""``trend`` keeps the contract of strategies, long only, with shorts, and without the volume filter."""

from __future__ import annotations

from quantsail_framework.testing import StrategyContract


class TestTrend(StrategyContract):
    plugin = "quantsail_trend"
    component = "trend"


class TestTrendWithShorts(StrategyContract):
    plugin = "quantsail_trend"
    component = "trend"
    options = {"allow_short": True, "adx_period": 7, "atr_period": 10}


class TestTrendWithoutVolume(StrategyContract):
    plugin = "quantsail_trend"
    component = "trend"
    options = {"volume_period": 0, "lookback": 1, "ma_period": 2}
