"""The runner and every objective keep the contract of their kind."""

from __future__ import annotations

from quantsail_framework.testing import ObjectiveContract, RunnerContract


class TestSweep(RunnerContract):
    plugin = "quantsail_sweep"
    component = "sweep"


class TestProfitFactorLnTrades(ObjectiveContract):
    plugin = "quantsail_sweep"
    component = "profit-factor-ln-trades"


class TestSharpe(ObjectiveContract):
    plugin = "quantsail_sweep"
    component = "sharpe"


class TestSortino(ObjectiveContract):
    plugin = "quantsail_sweep"
    component = "sortino"


class TestCalmar(ObjectiveContract):
    plugin = "quantsail_sweep"
    component = "calmar"


class TestExpectancy(ObjectiveContract):
    plugin = "quantsail_sweep"
    component = "expectancy"


class TestSqn(ObjectiveContract):
    plugin = "quantsail_sweep"
    component = "sqn"


class TestTotalReturn(ObjectiveContract):
    plugin = "quantsail_sweep"
    component = "total-return"
