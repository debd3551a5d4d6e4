"""The runner keeps the contract of runners."""

from __future__ import annotations

from quantsail_framework.testing import RunnerContract


class TestWalkForward(RunnerContract):
    plugin = "quantsail_walk_forward"
    component = "walk-forward"
