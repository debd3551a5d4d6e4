"""Every sizer keeps the contract of sizers."""

from __future__ import annotations

from quantsail_framework.testing import SizerContract

NO_CAPS = {"max_position_pct_equity": 100.0, "cash_buffer_pct": 0.0}


class TestFixedFractional(SizerContract):
    plugin = "quantsail_sizing"
    component = "fixed-fractional"


class TestFixedFractionalWithAllCash(SizerContract):
    plugin = "quantsail_sizing"
    component = "fixed-fractional"
    options = {"max_risk_per_trade_pct": 100.0, **NO_CAPS}


class TestFixedFractionalWithinTheVolume(SizerContract):
    plugin = "quantsail_sizing"
    component = "fixed-fractional"
    options = {"max_participation_pct": 5.0, "participation_window": 20}


class TestFixedNotional(SizerContract):
    plugin = "quantsail_sizing"
    component = "fixed-notional"


class TestFixedNotionalBeyondTheAccount(SizerContract):
    plugin = "quantsail_sizing"
    component = "fixed-notional"
    options = {"notional": 1e6, "max_participation_pct": 100.0, **NO_CAPS}


class TestVolatilityTarget(SizerContract):
    plugin = "quantsail_sizing"
    component = "volatility-target"


class TestVolatilityTargetWithAllCash(SizerContract):
    plugin = "quantsail_sizing"
    component = "volatility-target"
    options = {"target_volatility_pct": 400.0, "window": 20, "max_participation_pct": 100.0, **NO_CAPS}


class TestKellyFraction(SizerContract):
    plugin = "quantsail_sizing"
    component = "kelly-fraction"


class TestFullKelly(SizerContract):
    plugin = "quantsail_sizing"
    component = "kelly-fraction"
    options = {"fraction": 1.0, "max_risk_per_trade_pct": 100.0, "window": 20, "min_trades": 1, **NO_CAPS}
