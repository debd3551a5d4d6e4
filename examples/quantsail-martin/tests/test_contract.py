"""`martin` keeps the contract of its kind."""

from __future__ import annotations

from quantsail_framework.testing import ObjectiveContract


class TestContract(ObjectiveContract):
    plugin = "quantsail_martin"
    component = "martin"
