"""The runner keeps the contract of runners."""

from __future__ import annotations

from quantsail_framework.testing import RunnerContract


class TestOptuna(RunnerContract):
    plugin = "quantsail_optuna"
    component = "optuna"
