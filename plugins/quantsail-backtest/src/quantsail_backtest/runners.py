"""The two runners: load the candles, run the engine, measure what came out."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import attrs

from quantsail_framework.domain.result import RunResult
from quantsail_framework.engine import MarketData, Simulation, load_market, replay, simulate
from quantsail_framework.metrics import buy_and_hold, performance
from quantsail_framework.ports.runner import Pipeline, Session

BothTouched = Literal["stop_first", "target_first"]

_BOTH_TOUCHED = {"doc": "Which level fills when one bar touches both: stop_first (cautious) or target_first."}
_FEED = {
    "doc": "once: signals computed in one call; rolling: from the last warm-up + 1 bars at each close, as live (slow)."
}


@attrs.frozen
class BacktestRunner:
    """Runs the event-jumping engine once over all candles."""

    both_touched: BothTouched = attrs.field(default="stop_first", metadata=_BOTH_TOUCHED)

    def run(self, pipeline: Pipeline, session: Session) -> RunResult:
        """The trades, equity curve and refusals of ``pipeline``, and their statistics."""
        data = load_market(pipeline)
        run = simulate(
            pipeline,
            data,
            both_touched=self.both_touched,
            events=session.events,
            progress=session.progress,
            cancelled=session.cancelled,
        )
        return result_of("backtest", pipeline, data, run)


@attrs.frozen
class ReplayRunner:
    """Feeds the candles one by one through clock, broker and the same rules: the path of paper and live."""

    alerts: ClassVar[str] = "all"

    both_touched: BothTouched = attrs.field(default="stop_first", metadata=_BOTH_TOUCHED)
    feed: Literal["once", "rolling"] = attrs.field(default="once", metadata=_FEED)

    def run(self, pipeline: Pipeline, session: Session) -> RunResult:
        """As the backtest: the tables of both are equal."""
        data = load_market(pipeline)
        run = replay(
            pipeline,
            data,
            both_touched=self.both_touched,
            feed=self.feed,
            events=session.events,
            progress=session.progress,
            cancelled=session.cancelled,
        )
        return result_of("replay", pipeline, data, run)


def result_of(kind: str, pipeline: Pipeline, data: MarketData, run: Simulation) -> RunResult:
    """The tables of one simulation with their statistics and the facts of the run."""
    measured = performance(
        run.trades, run.equity, capital=pipeline.capital, timeframe_ns=data.timeframe.ns, benchmark=_benchmark(data)
    )
    return RunResult(
        kind=kind,
        name=pipeline.name,
        tables={"trades": run.trades, "equity": run.equity, "refusals": run.refusals},
        metrics=measured.metrics,
        undefined=measured.undefined,
        facts=_facts(pipeline, data),
        notes=data.notes,
        market=data.bars,
    )


def _benchmark(data: MarketData) -> float | None:
    """Buying equal amounts of every symbol that can be traded at its first tradable open, and holding."""
    started = [(bars, data.first(symbol)) for symbol, bars in data.bars.items() if len(bars) > data.first(symbol)]
    return buy_and_hold([float(bars.open[first]) for bars, first in started], [float(b.close[-1]) for b, _ in started])


def _facts(pipeline: Pipeline, data: MarketData) -> dict[str, Any]:
    return {
        "strategy": pipeline.resolved.get("strategy", {}).get("use") or type(pipeline.strategy).__name__,
        "capital": pipeline.capital,
        "currency": pipeline.currency,
        "timeframe": str(data.timeframe),
        "warmup": data.warmup,
        "symbols": [_series_facts(data, symbol) for symbol in data.bars],
        "informative": _informative_facts(data),
    }


def _informative_facts(data: MarketData) -> list[dict[str, Any]]:
    others = {key: bars for series in data.bars.values() for key, bars in series.others.items()}
    return [
        {"symbol": symbol, "timeframe": timeframe, "bars": len(bars), "sha256": bars.content_hash}
        for (symbol, timeframe), bars in sorted(others.items())
    ]


def _series_facts(data: MarketData, symbol: str) -> dict[str, Any]:
    bars, instrument = data.bars[symbol], data.instruments[symbol]
    rules: Any = "none"
    if instrument.has_rules:
        rules = {
            "tick": None if instrument.tick is None else str(instrument.tick),
            "lot": None if instrument.lot is None else str(instrument.lot),
            "min_notional": instrument.min_notional,
        }
    return {
        "symbol": symbol,
        "bars": len(bars),
        "first": int(bars.time[0]),
        "last": int(bars.time[-1]),
        "first_tradable": data.first_tradable_ns(symbol),
        "sha256": bars.content_hash,
        "rules": rules,
        "gaps": data.gaps[symbol].count,
        "missing": data.gaps[symbol].missing,
    }
