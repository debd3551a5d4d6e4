"""`start-dates` keeps the contract of its kind."""

from __future__ import annotations

from quantsail_framework.testing import RunnerContract


class TestContract(RunnerContract):
    plugin = "quantsail_start_dates"
    component = "start-dates"
