"""The account as components see it: cash, positions, waiting orders and the figures of the day."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

from quantsail_framework.domain.order import EntryOrder
from quantsail_framework.domain.trade import Outcome, Position


class Portfolio(ABC):
    """The account now. Read-only for components; money in quote currency, times in ns UTC.

    Accepted entries that have not filled count as open everywhere. The figures are plain attributes,
    kept up to date by the engine: a rule may read them for every signal at no cost.

    - ``capital``: the cash at the start. ``cash``: now.
    - ``positions``, ``pending``: open positions and accepted, unfilled entries, by symbol.
    - ``equity``: cash plus positions at their last close.
    - ``available``: cash that a new position may use: cash - 2 * short notional at last close -
      reference notional of pending entries.
    - ``exposure``: gross notional of positions at their last close plus that of pending entries.
    - ``trades_today``: entries accepted on the trading day of now, less those whose fill was refused.
    - ``realised_today``: sum of net_pnl of the trades that ended on the trading day of now.
    - ``day_end_ns``: when that day ends.
    - ``trades``: every closed trade, oldest first.
    - ``closed_net_pnl``, ``closed_reasons``, ``closed_times_ns``: of every closed trade, oldest first:
      net_pnl, exit reason, open time of the exit bar, where one column is enough.
    """

    capital: float
    cash: float
    positions: Mapping[str, Position]
    pending: Mapping[str, EntryOrder]
    equity: float
    available: float
    exposure: float
    trades_today: int
    realised_today: float
    day_end_ns: int
    trades: Sequence[Outcome]
    closed_net_pnl: Sequence[float]
    closed_reasons: Sequence[str]
    closed_times_ns: Sequence[int]

    @property
    def open_count(self) -> int:
        """Open positions and accepted, unfilled entries."""
        return len(self.positions) + len(self.pending)

    @property
    @abstractmethod
    def unrealised(self) -> float:
        """Profit of the open positions at their last close, less their entry costs."""
