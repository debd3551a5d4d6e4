"""Costs that add up from several models: the cost model ``composed``."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import attrs
import numpy as np
from attrs.validators import min_len

from quantsail_framework import Bars, Costs, Market
from quantsail_framework.domain.order import Liquidity
from quantsail_framework.ports.cost_model import CostModel
from quantsail_framework.ports.warmup import declared_warmup


@attrs.frozen(slots=False)
class ComposedCosts:
    """The sum of what ``models`` charge: fee to fee, spread to spread, slippage to slippage.

    Every model sees the fill as if it were alone. What two of them charge is paid twice: leave a fee
    or a spread out of all but one.
    """

    models: tuple[CostModel, ...] = attrs.field(
        validator=min_len(1), metadata={"doc": "Cost models whose costs are added, each a table with its own use."}
    )

    @property
    def warmup(self) -> int:
        """Of the model that needs most."""
        return max(declared_warmup(model) for model in self.models)

    def prepare(self, bars: Bars) -> np.ndarray[Any, Any]:
        """One row per bar, with a column for each model that prepares something."""
        columns = [np.asarray(model.prepare(bars)) for model in self.models if hasattr(model, "prepare")]
        rows = np.empty(len(bars), [(f"model{place}", column.dtype) for place, column in enumerate(columns)])
        for name, column in zip(rows.dtype.names or (), columns, strict=True):
            rows[name] = column
        return rows

    def costs(self, side: int, quantity: float, price: float, liquidity: Liquidity, market: Market) -> Costs:
        """Raises what a model raises."""
        fee = spread = slippage = 0.0
        for model, place in self._places:
            seen = market if place is None else _PartOfMarket(market, place)
            costs = model.costs(side, quantity, price, liquidity, seen)
            fee += costs.fee
            spread += costs.spread
            slippage += costs.slippage
        return Costs(fee, spread, slippage)

    @cached_property
    def _places(self) -> tuple[tuple[CostModel, int | None], ...]:
        """Each model with the place of what it prepared in a prepared row."""
        preparing = [model for model in self.models if hasattr(model, "prepare")]
        order = iter(range(len(preparing)))
        return tuple((model, next(order) if hasattr(model, "prepare") else None) for model in self.models)


class _PartOfMarket(Market):
    """The market as one of the models sees it: prepared values are its own."""

    def __init__(self, whole: Market, place: int) -> None:
        self._whole = whole
        self._place = place
        self.now_ns = whole.now_ns
        self.symbol = whole.symbol
        self.timeframe = whole.timeframe

    @property
    def symbols(self) -> tuple[str, ...]:
        return self._whole.symbols

    def closed(self, symbol: str, count: int) -> Bars:
        return self._whole.closed(symbol, count)

    def prepared(self, symbol: str) -> Any:
        row = self._whole.prepared(symbol)
        return None if row is None else row[self._place]
