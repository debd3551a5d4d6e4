"""What the sections draw on: one result with its manifest, and the few things that many of them ask."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from quantsail_framework.domain.bars import Bars
from quantsail_framework.domain.result import RunResult, Table
from quantsail_framework.domain.timeframe import NS_PER_DAY, Timeframe
from quantsail_html import numbers

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
_TRADE_COLUMNS = ("symbol", "side", "entry_time", "exit_time", "entry_price", "exit_price", "net_pnl", "exit_reason")


@attrs.frozen(eq=False, slots=False)
class Run:
    """A result and, where the run keeps a folder, its manifest (else the facts alone)."""

    result: RunResult
    manifest: Mapping[str, Any]

    def table(self, name: str, *columns: str) -> Table | None:
        """A table that has rows and those columns, else None."""
        found = self.result.tables.get(name)
        if not found or not set(columns) <= found.keys():
            return None
        return found if len(next(iter(found.values()))) else None

    @cached_property
    def trades(self) -> Table | None:
        """The trades; None without any."""
        return self.table("trades", *_TRADE_COLUMNS)

    @cached_property
    def equity(self) -> Table | None:
        """The equity curve; None without points."""
        return self.table("equity", "time", "equity")

    @property
    def market(self) -> Mapping[str, Bars]:
        """The candles of the symbols that have any."""
        return {symbol: bars for symbol, bars in self.result.market.items() if len(bars)}

    @cached_property
    def capital(self) -> float | None:
        """What the account began with; without that fact, the first point of its curve."""
        told = self.result.facts.get("capital")
        if isinstance(told, int | float):
            return float(told)
        return float(self.equity["equity"][0]) if self.equity else None

    @property
    def currency(self) -> str:
        """The quote currency, empty where it is not known."""
        return str(self.result.facts.get("currency") or "")

    @cached_property
    def decimals(self) -> int:
        """Decimals of amounts that suit the account: two for 10,000 USDT, eight for 0.5 BTC."""
        size = abs(self.capital or 100.0)
        return 2 if size >= 100 else 4 if size >= 1 else 8

    def money(self, value: Any) -> str:
        """An amount."""
        return numbers.number(value, self.decimals)

    def gain(self, value: Any) -> str:
        """An amount gained or lost."""
        return numbers.result(value, self.decimals)

    @cached_property
    def bar_ns(self) -> int:
        """Length of a bar; a day where nobody says."""
        told = self.result.facts.get("timeframe")
        known = next(iter(self.market.values()), None)
        return Timeframe(str(told)).ns if told else known.timeframe.ns if known else NS_PER_DAY

    @property
    def symbols(self) -> list[Mapping[str, Any]]:
        """What the facts say of each symbol."""
        listed = self.result.facts.get("symbols") or []
        return [symbol for symbol in listed if isinstance(symbol, Mapping)]

    @property
    def parameters(self) -> list[str]:
        """Paths of the parameters that a search varied."""
        return [str(path) for path in self.result.facts.get("parameters") or []]

    def metric(self, name: str) -> float | None:
        """A metric that is one number, else None."""
        value = self.result.metrics.get(name)
        return value if numbers.is_number(value) else None
