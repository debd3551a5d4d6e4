"""Turns the reference's plain markets and settings into a pipeline of real components, and results into plain rows."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import attrs
import numpy as np

from quantsail_binance.costs import BinanceSpotCosts
from quantsail_costs.basis_points import BasisPointsCosts
from quantsail_costs.composed import ComposedCosts
from quantsail_costs.volume_slippage import VolumeSlippageCosts
from quantsail_framework.compiled.forms import forms_of
from quantsail_framework.compiled.machine import Machine
from quantsail_framework.compiled.simulation import simulate as compiled
from quantsail_framework.domain.bars import Bars
from quantsail_framework.domain.instrument import Instrument
from quantsail_framework.domain.order import Breach, Reference, Request, Trip
from quantsail_framework.domain.portfolio import Portfolio
from quantsail_framework.domain.signals import Adjust, Enter, Exit, Signals
from quantsail_framework.domain.timeframe import NS_PER_SECOND, Timeframe
from quantsail_framework.domain.trade import Position
from quantsail_framework.engine import MarketData, Simulation, load_market, replay, simulate
from quantsail_framework.engine.simulation import strategy_columns
from quantsail_framework.ports.data_source import BarRequest
from quantsail_framework.ports.market import Market
from quantsail_framework.ports.runner import DataSpec, NamedRule, Pipeline
from quantsail_framework.ports.strategy import BarView
from quantsail_risk.correlation import MaxCorrelatedPositions
from quantsail_risk.daily_loss import MaxDailyLoss
from quantsail_risk.daily_target import DailyTarget
from quantsail_risk.drawdown import MaxDrawdown
from quantsail_risk.limits import MaxConcurrentPositions, MaxDailyTrades, MaxExposure
from quantsail_risk.losses import Cooldown, MaxConsecutiveLosses, StopLossGuard
from quantsail_risk.profitability import ProfitabilityGate
from quantsail_risk.volatility import VolatilitySpike
from quantsail_sizing.fixed_fractional import FixedFractional
from tests.reference import values

RULES: Mapping[str, Any] = {
    "profitability-gate": ProfitabilityGate,
    "max-concurrent-positions": MaxConcurrentPositions,
    "max-daily-trades": MaxDailyTrades,
    "max-daily-loss": MaxDailyLoss,
    "max-exposure": MaxExposure,
    "max-correlated-positions": MaxCorrelatedPositions,
    "max-drawdown": MaxDrawdown,
    "max-consecutive-losses": MaxConsecutiveLosses,
    "stop-loss-guard": StopLossGuard,
    "cooldown": Cooldown,
    "daily-target": DailyTarget,
    "volatility-spike": VolatilitySpike,
}


@attrs.frozen
class Held:
    """A data source that has the bars already."""

    series: Mapping[str, Bars]
    rules: Mapping[str, Instrument]

    def instruments(self, symbols: Sequence[str]) -> Mapping[str, Instrument]:
        return self.rules

    def bars(self, requests: Sequence[BarRequest]) -> Iterator[Bars]:
        return (self.series[request.symbol] for request in requests)


def _column(values_: Sequence[Any], size: int, missing: Any) -> np.ndarray[Any, Any]:
    return np.array([missing if value is None else value for value in values_] if values_ else [missing] * size)


@attrs.frozen
class Planned:
    """The markets' signal columns as a strategy: what each bar says, looked up by its open time."""

    markets: Mapping[str, values.Market]
    warmup: int

    def signals(self, bars: Bars) -> Signals:
        market = self.markets[bars.symbol]
        size, at = len(market.time), np.searchsorted(market.time, bars.time)
        reasons = market.reason or [""] * size
        first = int(at[0])
        # A strategy leaves out what it never says, and the engine has less to look at.
        said: dict[str, Any] = {}
        if any(market.exit):
            said["exit"] = _column(market.exit, size, False).astype(bool)[at]
        if any(market.max_bars):
            said["max_bars"] = _column(market.max_bars, size, 0).astype(np.int64)[at]
        if any(trail is not None for trail in market.trail):
            said["trail"] = _column(market.trail, size, np.nan).astype(float)[at]
        return Signals(
            entry=_column(market.entry, size, 0)[at],
            stop=_column(market.stop, size, np.nan).astype(float)[at],
            target=_column(market.target, size, np.nan).astype(float)[at],
            confidence=_column(market.confidence, size, 1.0).astype(float)[at],
            reason=lambda i: reasons[first + i],
            **said,
        )


@attrs.frozen
class PlannedBars:
    """The reference's ``on_bar`` as a bar strategy."""

    decide: values.OnBar
    markets: Mapping[str, values.Market]
    warmup: int

    def prepare(self, bars: Bars) -> dict[str, Any]:
        return {}

    def on_bar(self, view: BarView, position: Position | None) -> Enter | Exit | Adjust | None:
        symbol = view.symbol
        seen = None if position is None else {"side": position.side, "stop": position.stop, "target": position.target}
        index = self.markets[symbol].time.index(view.time_ns)
        action = self.decide(symbol, index, seen)
        if action is None:
            return None
        if action[0] == "enter":
            return Enter(**{"stop": np.nan, **{k: v for k, v in action[1].items() if v is not None or k != "stop"}})
        return Exit() if action[0] == "exit" else Adjust(stop=action[1], target=action[2])


@attrs.frozen
class CostFunction:
    """A reference cost function as a cost model."""

    function: values.Cost

    def costs(self, side: int, quantity: float, price: float, liquidity: str, market: Market) -> Any:
        from quantsail_framework.domain.fill import Costs

        seen = len(market.closed(market.symbol, 1_000_000))
        return Costs(*self.function(market.symbol, side, quantity, price, liquidity, seen - 1))


@attrs.frozen
class Breaker:
    """The reference's test breaker."""

    options: Mapping[str, Any]

    @property
    def watches(self) -> tuple[str, ...]:
        return (self.options.get("watches", "trades"),)

    def check(self, request: Request, portfolio: Portfolio, market: Market) -> Breach | None:
        return None

    def trip(self, portfolio: Portfolio, market: Market, reference: Reference) -> Trip | None:
        if not self._trips(portfolio, market, reference):
            return None
        return Trip(market.now_ns + self.options["duration"], "tripped", self.options.get("action", "refuse"))

    def _trips(self, portfolio: Portfolio, market: Market, reference: Reference) -> bool:
        options = self.options
        if "losses" in options:
            in_a_row = 0
            for net in portfolio.closed_net_pnl[reference.trades :]:
                in_a_row = in_a_row + 1 if net < 0 else 0
            return in_a_row >= options["losses"]
        if "drawdown_pct" in options:
            return (reference.peak - portfolio.equity) / reference.peak * 100.0 >= options["drawdown_pct"]
        if "locked" in options:
            return any((held.stop - held.entry_price) * held.side > 0 for held in portfolio.positions.values())
        last = market.closed(options["symbol"], 1)
        if not len(last) or last.time[0] != market.now_ns - market.timeframe.ns:
            return False
        return float((last.high[0] - last.low[0]) / last.close[0]) * 100.0 >= options["range_pct"]


def rule_of(name: str, options: Mapping[str, Any]) -> Any:
    """The rule of a scenario: lengths of time in nanoseconds there are texts here, ``needs`` is its warm-up + 1."""
    if name.startswith("test-breaker"):
        return Breaker(options)
    lengths = (
        {key: timeframe_of(options[key]) for key in ("duration", "window") if isinstance(options.get(key), int)}
        if name != "max-correlated-positions"
        else {}
    )
    rule = RULES[name](**{key: value for key, value in {**options, **lengths}.items() if key != "needs"})
    assert "needs" not in options or rule.warmup + 1 == options["needs"], (rule.warmup, options)
    return rule


def timeframe_of(ns: int) -> Timeframe:
    return Timeframe(f"{ns // NS_PER_SECOND}s")


def bars_of(market: values.Market, timeframe: Timeframe) -> Bars:
    columns = [
        np.array(column, dtype=float) for column in (market.open, market.high, market.low, market.close, market.volume)
    ]
    synthetic = np.array(market.synthetic) if market.synthetic else None
    return Bars(market.symbol, timeframe, np.array(market.time), *columns, synthetic=synthetic)


def costs_of(costs: Any) -> Any:
    if callable(costs):
        return CostFunction(costs)
    name, options = costs
    if name == "basis-points":
        return BasisPointsCosts(**{"fee_bps": 0.0, "spread_bps": 0.0, "slippage_bps": 0.0, **options})
    if name == "volume-slippage":
        return VolumeSlippageCosts(**options)
    if name == "composed":
        return ComposedCosts(tuple(costs_of(part) for part in options["models"]))
    renamed = {"bnb": "pay_in_bnb"}
    return BinanceSpotCosts(**{renamed.get(key, key): value for key, value in options.items() if value is not None})


def sizer_of(options: Mapping[str, float]) -> FixedFractional:
    """Some scenarios risk more than an option allows, to ruin the account."""
    with attrs.validators.disabled():
        return FixedFractional(**options)


def pipeline_of(markets: Sequence[values.Market], settings: values.Settings) -> Pipeline:
    timeframe = timeframe_of(settings.timeframe)
    by_symbol = {market.symbol: market for market in markets}
    warmup = max(market.first for market in markets)
    instruments = {m.symbol: Instrument(m.symbol, m.tick, m.lot, m.min_notional) for m in markets}
    if settings.on_bar is None:
        strategy: Any = Planned(by_symbol, warmup)
    else:
        strategy = PlannedBars(settings.on_bar, by_symbol, warmup)
    return Pipeline(
        name="reference",
        runner="backtest",
        capital=settings.capital,
        data=DataSpec(tuple(by_symbol), timeframe),
        source=Held({m.symbol: bars_of(m, timeframe) for m in markets}, instruments),
        strategy=strategy,
        costs=costs_of(settings.costs),
        sizer=sizer_of(settings.sizer),
        risk=tuple(NamedRule(name, rule_of(name, options)) for name, options in settings.rules),
        timezone=settings.zone,
    )


def prepared(markets: Sequence[values.Market], settings: values.Settings) -> tuple[Pipeline, MarketData]:
    """The pipeline of a case and its candles."""
    pipeline = pipeline_of(markets, settings)
    # A rule's own warm-up is left out: the reference lets it refuse what it cannot compute yet.
    data = attrs.evolve(load_market(pipeline), warmup=max(market.first for market in markets))
    return pipeline, data


def run_every_way(markets: Sequence[values.Market], settings: values.Settings) -> list[Simulation]:
    """The same markets through the event-jumping engine, bar by bar, and by the compiled loop where that can do it."""
    pipeline, data = prepared(markets, settings)
    jumped = simulate(pipeline, data, both_touched=settings.both_touched)
    walked = replay(pipeline, data, both_touched=settings.both_touched)
    looped = by_loop(pipeline, data, both_touched=settings.both_touched)
    return [jumped, walked] if looped is None else [jumped, walked, looped]


def by_loop(pipeline: Pipeline, data: MarketData, both_touched: str = "stop_first") -> Simulation | None:
    """By the compiled loop, whose machine code is made when it is not there yet; None where it cannot do it."""
    forms = forms_of(pipeline)
    if forms is None:
        return None
    columns = strategy_columns(pipeline, data)
    target_first = both_touched == "target_first"
    return compiled(pipeline, data, forms, columns, _machine(), target_first=target_first, make=True)


@functools.cache
def _machine() -> Machine:
    return Machine()


def run_rolling(markets: Sequence[values.Market], settings: values.Settings) -> Simulation:
    """Bar by bar, the strategy seeing the last warm-up + 1 bars only."""
    pipeline, data = prepared(markets, settings)
    return replay(pipeline, data, both_touched=settings.both_touched, feed="rolling")


def rows(table: Mapping[str, np.ndarray[Any, Any]]) -> list[dict[str, Any]]:
    """A table as plain rows; NaN becomes None."""
    columns = {name: [None if value != value else value for value in column.tolist()] for name, column in table.items()}
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
