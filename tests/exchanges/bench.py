"""A loopback exchange, a store and the fetcher between them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import numpy as np

from quantsail_ccxt.collect import Collector
from quantsail_framework.domain.bars import Bars
from quantsail_framework.domain.timeframe import Timeframe
from quantsail_framework.ports.data_source import BarRequest, Fetched
from quantsail_framework.store import Store
from tests.exchanges.clock import FakeClock
from tests.exchanges.pins import pinned
from tests.exchanges.server import LoopbackExchange

HOUR = 3_600_000_000_000
START = 1_672_531_200_000_000_000  # 2023-01-01 00:00 UTC
LATER_MS = START // 1_000_000 + 800 * 86_400_000


@attrs.define
class Bench:
    """Times of requests count in bars of the first series of the truth."""

    exchange: LoopbackExchange
    root: Path
    clock: FakeClock
    config: dict[str, Any] = attrs.field(factory=dict)
    ahead: int | None = 0  # pages asked for before their turn, which would shuffle the journal; None: as by default
    told: list[tuple[int, int]] = attrs.field(factory=list)

    @property
    def truth(self) -> Bars:
        return next(iter(self.exchange.truth.values()))

    @property
    def collector(self) -> Collector:
        """A fresh one, as another process would have."""
        config = pinned(self.exchange.name, self.exchange.url) | self.config
        more = {} if self.ahead is None else {"ahead": self.ahead}
        return Collector(Store(self.root), self.exchange.name, config, self.clock, np.random.default_rng(7), **more)

    def request(self, first: int | None = 0, last: int | None = None, symbol: str = "", **more: Any) -> BarRequest:
        """Rows ``first`` to ``last`` (exclusive) of the truth; None: from the beginning, or to the last closed bar."""
        truth = self.truth
        edges = [None if row is None else int(truth.time[0]) + row * truth.timeframe.ns for row in (first, last)]
        timeframe = more.pop("timeframe", str(truth.timeframe))
        return BarRequest(symbol or truth.symbol, Timeframe(timeframe), *edges, **more)

    def whole(self) -> BarRequest:
        """All of the truth."""
        last = (int(self.truth.time[-1]) - int(self.truth.time[0])) // self.truth.timeframe.ns + 1
        return self.request(0, last)

    def fetch(self, request: BarRequest | None = None) -> Fetched:
        """Fetch one series, by default all of the truth."""
        return self.collector.fetch([request or self.whole()], lambda _, stored, of: self.told.append((stored, of)))[0]

    def stored(self, request: BarRequest | None = None) -> Bars:
        """What is in the store."""
        return Store(self.root).bars(self.exchange.name, request or self.whole())

    def sinces(self) -> list[int]:
        """From when on the candles were asked for, in rows of the truth."""
        name = "startTime" if self.exchange.name == "binance" else "start"
        asked = [int(call.params[name]) * 1_000_000 for call in self.exchange.calls()]
        return [(time - int(self.truth.time[0])) // self.truth.timeframe.ns for time in asked]


def same(one: Bars, other: Bars) -> bool:
    """Whether two series hold the same candles to the last bit."""
    return one.content_hash == other.content_hash


def without(bars: Bars, *holes: tuple[int, int]) -> Bars:
    """``bars`` less some stretches of rows."""
    keep = np.ones(len(bars), np.bool_)
    for first, last in holes:
        keep[first:last] = False
    columns = [getattr(bars, name)[keep] for name in ("time", "open", "high", "low", "close", "volume")]
    return Bars(bars.symbol, bars.timeframe, *columns)
