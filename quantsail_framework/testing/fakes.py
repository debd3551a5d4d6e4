"""Stand-ins for what the framework hands to components, with plain settable values, for unit tests of plugins.

Makers (``signal``, ``request``, ``position`` ...) have sensible defaults for a market near 100; give what
your test is about.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import attrs
import numpy as np
from attrs.validators import ge, gt, le, lt

from quantsail_framework.domain.bars import Bars
from quantsail_framework.domain.fill import Costs
from quantsail_framework.domain.instrument import Instrument
from quantsail_framework.domain.order import EntryOrder, Liquidity, Reference, Refusal, Request, Signal, Sizing, Trip
from quantsail_framework.domain.portfolio import Portfolio
from quantsail_framework.domain.signals import LONG, Signals, side_name
from quantsail_framework.domain.timeframe import NS_PER_DAY
from quantsail_framework.domain.trade import Outcome, Position, Trade
from quantsail_framework.errors import DataError
from quantsail_framework.ports.data_source import BarRequest
from quantsail_framework.ports.market import Market
from quantsail_framework.testing.markets import PRICE, START_NS, SYMBOL

CAPITAL = 10_000.0
STOP = 95.0
TARGET = 110.0


def _of_trades(name: str) -> Any:
    return attrs.field(
        default=attrs.Factory(lambda self: [getattr(each, name) for each in self.trades], takes_self=True)
    )


@attrs.define(slots=True)
class FakePortfolio(Portfolio):
    """An account whose figures are what you set; nothing is worked out but the defaults.

    ``equity`` and ``available`` default to ``cash``, ``cash`` to ``capital``, the columns of closed trades to
    those of ``trades``; the trading day ends a day after the market makers' first bar.
    """

    capital: float = CAPITAL
    cash: float = attrs.field(default=attrs.Factory(lambda self: self.capital, takes_self=True))
    positions: Mapping[str, Position] = attrs.field(factory=dict)
    pending: Mapping[str, EntryOrder] = attrs.field(factory=dict)
    equity: float = attrs.field(default=attrs.Factory(lambda self: self.cash, takes_self=True))
    available: float = attrs.field(default=attrs.Factory(lambda self: self.cash, takes_self=True))
    exposure: float = 0.0
    unrealised: float = 0.0
    trades_today: int = 0
    realised_today: float = 0.0
    day_end_ns: int = START_NS + NS_PER_DAY
    trades: Sequence[Outcome] = ()
    closed_net_pnl: Sequence[float] = _of_trades("net_pnl")
    closed_reasons: Sequence[str] = _of_trades("exit_reason")
    closed_times_ns: Sequence[int] = _of_trades("exit_time")


class FakeMarket(Market):
    """Bars that had closed by ``now_ns``; nothing later can be seen.

    ``bars`` is one series or several by symbol. ``now_ns`` defaults to the close of the last bar of all,
    ``symbol`` to the first. ``costs`` is the cost model whose ``prepare`` feeds ``prepared``.
    """

    def __init__(
        self,
        bars: Bars | Mapping[str, Bars],
        now_ns: int | None = None,
        symbol: str | None = None,
        *,
        costs: Any = None,
    ) -> None:
        self._bars = {bars.symbol: bars} if isinstance(bars, Bars) else dict(bars)
        first = next(iter(self._bars.values()))
        self.timeframe = first.timeframe
        self.symbol = first.symbol if symbol is None else symbol
        ends = [int(each.time[-1]) + each.timeframe.ns for each in self._bars.values() if len(each)]
        self.now_ns = max(ends, default=START_NS) if now_ns is None else now_ns
        prepare = getattr(costs, "prepare", None)
        self._prepared = {symbol: prepare(each) for symbol, each in self._bars.items()} if prepare else {}

    @property
    def symbols(self) -> tuple[str, ...]:
        """Every symbol, in the order given."""
        return tuple(self._bars)

    def closed(self, symbol: str, count: int) -> Bars:
        """The last ``count`` closed bars. Raises KeyError for a symbol that was not given."""
        stop = self._closed_count(symbol)
        return self._bars[symbol].slice(max(0, stop - count), stop)

    def prepared(self, symbol: str) -> Any:
        """The cost model's value at the last closed bar; None without one or before the first."""
        last = self._closed_count(symbol) - 1
        return self._prepared[symbol][last].item() if symbol in self._prepared and last >= 0 else None

    def _closed_count(self, symbol: str) -> int:
        bars = self._bars[symbol]
        return bars.index_at(self.now_ns - bars.timeframe.ns) + 1


def no_costs(_side: int, _price: float, _liquidity: Liquidity) -> Costs:
    """An estimate of nothing."""
    return Costs(0.0)


_SIGNAL = Signal(SYMBOL, LONG, PRICE, STOP, TARGET, 1.0, START_NS)
_REQUEST = Request(SYMBOL, LONG, 1.0, PRICE, STOP, TARGET, PRICE, PRICE - STOP, no_costs)
_ORDER = EntryOrder(
    symbol=SYMBOL,
    side=LONG,
    quantity=1.0,
    price=PRICE,
    stop=STOP,
    target=TARGET,
    trail=None,
    max_bars=0,
    confidence=1.0,
    reason="test",
    signal_time_ns=START_NS,
    decided_ns=START_NS,
    equity=CAPITAL,
    risk=PRICE - STOP,
    bound_by="risk",
)
_POSITION = Position(SYMBOL, LONG, 1.0, PRICE, START_NS, Costs(0.0), STOP, TARGET, _ORDER)
_TRADE = Trade(
    symbol=SYMBOL,
    side=side_name(LONG),
    signal_time=START_NS,
    entry_time=START_NS,
    exit_time=START_NS,
    entry_price=PRICE,
    exit_price=TARGET,
    stop=STOP,
    target=TARGET,
    quantity=1.0,
    gross_pnl=TARGET - PRICE,
    fees=0.0,
    spread=0.0,
    slippage=0.0,
    net_pnl=TARGET - PRICE,
    exit_reason="target",
    equity_at_entry=CAPITAL,
    risk=PRICE - STOP,
    bound_by="risk",
    mae=0.0,
    mfe=0.1,
    ambiguous=False,
    confidence=1.0,
    reason="test",
)
_REFUSAL = Refusal(
    START_NS, SYMBOL, LONG, "max-daily-trades", 1.0, 1.0, PRICE, "1 trade was taken today; the limit is 1"
)
_REFERENCE = Reference(START_NS, 0, CAPITAL)


def signal(**values: Any) -> Signal:
    """A long entry at 100 with stop 95 and target 110, unless said otherwise."""
    return _SIGNAL._replace(**values)


def request(estimate: Callable[[int, float, Liquidity], Costs] = no_costs, **values: Any) -> Request:
    """A long entry of 1 unit at 100 with stop 95 and target 110; ``notional`` and ``risk`` follow from these."""
    asked = _REQUEST._replace(estimate=estimate, **values)
    notional, risk = asked.quantity * asked.price, asked.quantity * abs(asked.price - asked.stop)
    return asked._replace(**({"notional": notional, "risk": risk} | values))


def position(**values: Any) -> Position:
    """A long of 1 unit entered at 100 with stop 95 and target 110, without costs; its ``order`` says the same."""
    held = attrs.evolve(_POSITION, **({"last_close": values.get("entry_price", PRICE)} | values))
    same = {name: getattr(held, name) for name in ("symbol", "side", "quantity", "stop", "target")}
    return attrs.evolve(held, order=values.get("order") or entry_order(price=held.entry_price, **same))


def entry_order(**values: Any) -> EntryOrder:
    """An accepted long of 1 unit at 100 with stop 95 and target 110 that waits for the next open."""
    return _ORDER._replace(**values)


def trade(**values: Any) -> Trade:
    """A closed long of 1 unit from 100 to 110; ``gross_pnl`` and ``net_pnl`` follow from prices and costs."""
    closed = attrs.evolve(_TRADE, **values)
    sign = 1 if closed.side == side_name(LONG) else -1
    gross = values.get("gross_pnl", sign * closed.quantity * (closed.exit_price - closed.entry_price))
    net = values.get("net_pnl", gross - closed.fees - closed.spread - closed.slippage)
    return attrs.evolve(closed, gross_pnl=gross, net_pnl=net)


def refusal(**values: Any) -> Refusal:
    """A long entry refused by ``max-daily-trades``."""
    return attrs.evolve(_REFUSAL, **values)


def reference(**values: Any) -> Reference:
    """The start of a run with 10,000."""
    return _REFERENCE._replace(**values)


class ManualClock:
    """A wall clock that stands still until told: ``clock()`` gives nanoseconds UTC."""

    def __init__(self, now_ns: int = START_NS) -> None:
        self.now_ns = now_ns

    def __call__(self) -> int:
        return self.now_ns

    def advance(self, by_ns: int) -> None:
        """Move on by ``by_ns`` nanoseconds."""
        self.now_ns += by_ns


class ListEvents:
    """Keeps what the engine tells, in order: ``happened`` holds (event name, arguments)."""

    def __init__(self) -> None:
        self.happened: list[tuple[str, tuple[Any, ...]]] = []

    def names(self) -> list[str]:
        """The names of the events, in order."""
        return [name for name, _ in self.happened]

    def order_refused(self, refusal: Refusal) -> None:
        """Keep it."""
        self.happened.append(("order_refused", (refusal,)))

    def order_filled(self, position: Position) -> None:
        """Keep it."""
        self.happened.append(("order_filled", (position,)))

    def trade_closed(self, trade: Trade) -> None:
        """Keep it."""
        self.happened.append(("trade_closed", (trade,)))

    def breaker_tripped(self, rule: str, trip: Trip, time_ns: int) -> None:
        """Keep it."""
        self.happened.append(("breaker_tripped", (rule, trip, time_ns)))

    def equity_updated(self, time_ns: int, equity: float) -> None:
        """Keep it."""
        self.happened.append(("equity_updated", (time_ns, equity)))

    def bars_decided(self, time_ns: int, symbols: Sequence[str], seconds: float) -> None:
        """Keep it."""
        self.happened.append(("bars_decided", (time_ns, symbols, seconds)))


@attrs.frozen(eq=False)
class FakeSource:
    """A data source that holds its bars in memory, by symbol."""

    series: Mapping[str, Bars] = attrs.field(metadata={"doc": "bars by symbol"})

    def instruments(self, symbols: Sequence[str]) -> Mapping[str, Instrument]:
        """Nothing is known of any market."""
        return {}

    def bars(self, requests: Sequence[BarRequest]) -> Iterator[Bars]:
        """The asked range of each. Raises DataError for a symbol that it does not hold."""
        for wanted in requests:
            if wanted.symbol not in self.series:
                raise DataError(f"the fake source has no {wanted.symbol}; it has {', '.join(self.series)}")
            yield wanted.cut(self.series[wanted.symbol])


@attrs.frozen
class FakeStrategy:
    """Enters long every ``every`` bars with a stop and a target ``distance`` away; 0 never enters."""

    every: int = attrs.field(default=20, validator=ge(0), metadata={"doc": "bars between entries; 0 for no entry"})
    distance: float = attrs.field(
        default=0.005, validator=[gt(0.0), lt(1.0)], metadata={"doc": "of stop and target from the close, a fraction"}
    )
    warmup: int = attrs.field(default=0, validator=ge(0), metadata={"doc": "bars"})

    def signals(self, bars: Bars) -> Signals:
        """Entries by the clock, so that any cut of the bars gives the same."""
        number = bars.time // bars.timeframe.ns
        entry = (number % self.every == 0).astype(np.int8) if self.every else np.zeros(len(bars), np.int8)
        return Signals(entry, bars.close * (1 - self.distance), bars.close * (1 + self.distance), reason=_by_the_clock)


def _by_the_clock(_index: int) -> str:
    return "by the clock"


@attrs.frozen
class FakeCosts:
    """``bps`` basis points of the notional as a fee for takers, nothing for makers."""

    bps: float = attrs.field(default=10.0, validator=ge(0.0), metadata={"doc": "basis points of the notional"})

    def costs(self, side: int, quantity: float, price: float, liquidity: Liquidity, market: Market) -> Costs:
        """A share of the notional."""
        return Costs(abs(quantity) * price * self.bps / 10_000 if liquidity == "taker" else 0.0)


@attrs.frozen
class FakeSizer:
    """``share`` of the available cash in every trade."""

    share: float = attrs.field(
        default=0.1, validator=[ge(0.0), le(1.0)], metadata={"doc": "fraction of the available cash"}
    )

    def size(self, signal: Signal, instrument: Instrument, portfolio: Portfolio, market: Market) -> Sizing:
        """A share of what is available, never below zero."""
        return Sizing(max(0.0, portfolio.available * self.share / signal.price), "share")
