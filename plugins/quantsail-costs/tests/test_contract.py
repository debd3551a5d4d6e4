"""Every cost model keeps the contract of cost models."""

from __future__ import annotations

from quantsail_costs.basis_points import BasisPointsCosts
from quantsail_costs.composed import ComposedCosts
from quantsail_costs.volume_slippage import VolumeSlippageCosts
from quantsail_framework.testing import CostModelContract


class TestBasisPoints(CostModelContract):
    plugin = "quantsail_costs"
    component = "basis-points"


class TestVolumeSlippage(CostModelContract):
    plugin = "quantsail_costs"
    component = "volume-slippage"


class TestVolumeSlippageWithFeeAndSpread(CostModelContract):
    plugin = "quantsail_costs"
    component = "volume-slippage"
    options = {"coefficient": 0.7, "window": 30, "fee_bps": 10.0, "spread_bps": 2.0}


class TestComposed(CostModelContract):
    plugin = "quantsail_costs"
    component = "composed"


class TestComposedOfThree(CostModelContract):
    plugin = "quantsail_costs"
    component = "composed"
    options = {"models": [VolumeSlippageCosts(window=20), BasisPointsCosts(), VolumeSlippageCosts(window=50)]}


class TestComposedOfWhatPreparesNothing(CostModelContract):
    plugin = "quantsail_costs"
    component = "composed"
    options = {"models": [BasisPointsCosts(), ComposedCosts((BasisPointsCosts(),))]}


class TestPerSymbol(CostModelContract):
    plugin = "quantsail_costs"
    component = "per-symbol"
