"""One cost model for most markets and others for some: the cost model ``per-symbol``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
import numpy as np

from quantsail_framework import Bars, Costs, Market
from quantsail_framework.domain.order import Liquidity
from quantsail_framework.ports.cost_model import CostModel
from quantsail_framework.ports.warmup import declared_warmup


@attrs.frozen
class PerSymbolCosts:
    """What the model of the fill's market charges: that of ``symbols``, else ``default``."""

    default: CostModel = attrs.field(
        metadata={"doc": "Cost model of every market that symbols does not name, a table with its own use."}
    )
    symbols: Mapping[str, CostModel] = attrs.field(
        metadata={"doc": "Cost model by symbol, each a table with its own use.", "symbols": True}
    )

    @property
    def warmup(self) -> int:
        """Of the model that needs most."""
        return max(declared_warmup(model) for model in (self.default, *self.symbols.values()))

    def prepare(self, bars: Bars) -> Any:
        """What the model of that market prepares; zeros where it prepares nothing."""
        prepare = getattr(self._model(bars.symbol), "prepare", None)
        return np.zeros(len(bars)) if prepare is None else prepare(bars)

    def costs(self, side: int, quantity: float, price: float, liquidity: Liquidity, market: Market) -> Costs:
        """Raises what the model raises."""
        return self._model(market.symbol).costs(side, quantity, price, liquidity, market)

    def _model(self, symbol: str) -> CostModel:
        return self.symbols.get(symbol, self.default)
