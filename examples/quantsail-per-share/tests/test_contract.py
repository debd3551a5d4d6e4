"""`per-share` keeps the contract of its kind."""

from __future__ import annotations

from quantsail_framework.testing import CostModelContract


class TestContract(CostModelContract):
    plugin = "quantsail_per_share"
    component = "per-share"
