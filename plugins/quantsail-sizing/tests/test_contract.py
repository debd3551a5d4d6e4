"""``fixed-fractional`` keeps the contract of sizers."""

from __future__ import annotations

from quantsail_framework.testing import SizerContract


class TestFixedFractional(SizerContract):
    plugin = "quantsail_sizing"
    component = "fixed-fractional"


class TestFixedFractionalWithAllCash(SizerContract):
    plugin = "quantsail_sizing"
    component = "fixed-fractional"
    options = {"max_risk_per_trade_pct": 100.0, "max_position_pct_equity": 100.0, "cash_buffer_pct": 0.0}
