"""The account as components see it: cash, positions, waiting orders and the figures of the day."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

from quantsail_framework.domain.order import EntryOrder
from quantsail_framework.domain.trade import Position


class Portfolio(ABC):
    """The account now. Read-only for components; money in quote currency.

    Accepted entries that have not filled count as open everywhere.
    """

    capital: float
    cash: float

    @property
    @abstractmethod
    def positions(self) -> Mapping[str, Position]:
        """Open positions by symbol."""

    @property
    @abstractmethod
    def pending(self) -> Mapping[str, EntryOrder]:
        """Accepted, unfilled entries by symbol."""

    @property
    def open_count(self) -> int:
        """Open positions and accepted, unfilled entries."""
        return len(self.positions) + len(self.pending)

    @property
    @abstractmethod
    def equity(self) -> float:
        """Cash plus positions marked at their last close."""

    @property
    @abstractmethod
    def available(self) -> float:
        """Cash that a new position may use: cash - 2 * short notional at last close - pending notional."""

    @property
    @abstractmethod
    def exposure(self) -> float:
        """Gross notional of positions at their last close plus that of pending entries."""

    @property
    @abstractmethod
    def unrealised(self) -> float:
        """Profit of the open positions at their last close, less their entry costs."""

    @property
    @abstractmethod
    def trades_today(self) -> int:
        """Entries accepted on the trading day of now, less those whose fill was refused."""

    @property
    @abstractmethod
    def realised_today(self) -> float:
        """Sum of net_pnl of the trades that ended on the trading day of now."""

    @property
    @abstractmethod
    def day_end_ns(self) -> int:
        """When the trading day of now ends."""

    @property
    @abstractmethod
    def closed_net_pnl(self) -> Sequence[float]:
        """net_pnl of every closed trade, oldest first."""

    @property
    @abstractmethod
    def closed_reasons(self) -> Sequence[str]:
        """Exit reason of every closed trade, oldest first."""

    @property
    @abstractmethod
    def closed_times_ns(self) -> Sequence[int]:
        """Open time of the exit bar of every closed trade, oldest first."""
