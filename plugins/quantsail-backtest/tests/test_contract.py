"""Both runners keep the contract of runners."""

from __future__ import annotations

from quantsail_framework.testing import RunnerContract


class TestBacktest(RunnerContract):
    plugin = "quantsail_backtest"
    component = "backtest"


class TestReplay(RunnerContract):
    plugin = "quantsail_backtest"
    component = "replay"
