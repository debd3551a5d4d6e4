"""One backtest: the engine, what came out of it with its statistics, and what the manifest says of the candles.

The runners `backtest` and `replay` are this; a search is this many times over.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from quantsail_framework.compiled import choice
from quantsail_framework.domain.result import RunResult
from quantsail_framework.engine import MarketData, Simulation, simulate
from quantsail_framework.engine.simulation import strategy_columns
from quantsail_framework.metrics import buy_and_hold, performance
from quantsail_framework.ports.observer import Events
from quantsail_framework.ports.runner import Pipeline, Progress


def backtest(
    pipeline: Pipeline,
    data: MarketData,
    *,
    both_touched: str = "stop_first",
    events: Events | None = None,
    progress: Progress | None = None,
    cancelled: Any = None,
) -> Simulation:
    """``engine.simulate``, by the compiled loop where the pipeline can and that is sooner: the tables are the same."""
    columns = strategy_columns(pipeline, data)
    if events is None:
        run = choice.by_loop(pipeline, data, columns, target_first=both_touched == "target_first")
        if run is not None:
            return run
    return simulate(
        pipeline,
        data,
        both_touched=both_touched,
        columns=columns,
        events=events,
        progress=progress,
        cancelled=cancelled,
    )


def get_ready(pipeline: Pipeline, data: MarketData, runs: int, tell: Callable[[str], None]) -> None:
    """Before so many backtests: what makes them faster, told through ``tell`` where it takes a while."""
    choice.get_ready(pipeline, data, runs, tell)


def result_of(
    kind: str, pipeline: Pipeline, data: MarketData, run: Simulation, *, breakdowns_later: bool = False
) -> RunResult:
    """The tables of one simulation with their statistics and the facts of the run; ``performance`` has the flag."""
    measured = performance(
        run.trades,
        run.equity,
        capital=pipeline.capital,
        timeframe_ns=data.timeframe.ns,
        benchmark=_benchmark(data),
        known=run.curve,
        breakdowns_later=breakdowns_later,
    )
    return RunResult(
        kind=kind,
        name=pipeline.name,
        tables={"trades": run.trades, "equity": run.equity, "refusals": run.refusals},
        metrics=measured.metrics,
        undefined=measured.undefined,
        facts=facts_of(pipeline, data),
        notes=data.notes,
        market=data.bars,
    )


def _benchmark(data: MarketData) -> float | None:
    """Buying equal amounts of every symbol that can be traded at its first tradable open, and holding."""
    started = [(bars, data.first(symbol)) for symbol, bars in data.bars.items() if len(bars) > data.first(symbol)]
    return buy_and_hold([float(bars.open[first]) for bars, first in started], [float(b.close[-1]) for b, _ in started])


def facts_of(pipeline: Pipeline, data: MarketData) -> dict[str, Any]:
    """What the manifest says of the strategy, the account and every series."""
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
