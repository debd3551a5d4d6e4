"""`background` keeps the contract of its kind."""

from __future__ import annotations

from quantsail_framework.testing import ExecutorContract


class TestContract(ExecutorContract):
    plugin = "quantsail_background"
    component = "background"
