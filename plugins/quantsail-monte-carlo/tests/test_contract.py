"""The runner keeps the contract of runners."""

from __future__ import annotations

from quantsail_framework.testing import RunnerContract


class TestMonteCarlo(RunnerContract):
    plugin = "quantsail_monte_carlo"
    component = "monte-carlo"
