"""`turtle-unit` keeps the contract of its kind."""

from __future__ import annotations

from quantsail_framework.testing import SizerContract


class TestContract(SizerContract):
    plugin = "quantsail_turtle_unit"
    component = "turtle-unit"
