"""The same backtest, begun on other days: the runner `start-dates`."""

from __future__ import annotations

import attrs
import numpy as np
from attrs.validators import ge, instance_of, le
from quantsail_framework import RunResult, options
from quantsail_framework.backtest import backtest, result_of
from quantsail_framework.domain.result import Criterion, Table
from quantsail_framework.engine import MarketData, load_market
from quantsail_framework.ports.runner import Pipeline, Session

KIND = "start-dates"
SHARE = "profitable_starts"
COLUMNS = {"total_trades": np.int64, "total_return": np.float64, "max_drawdown": np.float64}


@attrs.frozen
class StartDates:
    """Backtests all candles, then anew from ``starts`` moments, each time for ``span_pct`` percent of their time.

    The first starts where trading can, the last ends where the candles do, and all are equally far apart. Each has the
    capital of the pipeline and knows nothing of the others. The verdict is ``pass`` when at least ``min_profitable_pct``
    percent of them ended with a profit, else ``fail``.
    """

    starts: int = attrs.field(
        default=20, validator=[instance_of(int), ge(2), le(10_000)], metadata={"doc": "Runs, each with its own start."}
    )
    span_pct: float = options.within(1.0, 99.0, 50.0, "Length of each run, in percent of the time of all candles.")
    min_profitable_pct: float = options.within(0.0, 100.0, 70.0, "Starts with a profit that pass, in percent of all.")

    def run(self, pipeline: Pipeline, session: Session) -> RunResult:
        """The result over all candles, with the table ``starts`` and the verdict."""
        data = load_market(pipeline)
        whole = backtest(pipeline, data, events=session.events, cancelled=session.cancelled)
        result = result_of(KIND, pipeline, data, whole)
        table = self._table(pipeline, data, session)
        share = float(np.mean(table["total_return"] > 0.0))
        limit = self.min_profitable_pct / 100.0
        met = Criterion(SHARE, share, limit, share >= limit)
        return attrs.evolve(
            result,
            tables={**result.tables, "starts": table},
            metrics={**result.metrics, SHARE: share},
            facts={**result.facts, "criteria": [attrs.asdict(met)]},
            verdict="pass" if met.passed else "fail",
        )

    def _table(self, pipeline: Pipeline, data: MarketData, session: Session) -> Table:
        begins, ends = self._ranges(data)
        found = []
        for number, (start_ns, end_ns) in enumerate(zip(begins, ends, strict=True)):
            session.progress(number / self.starts, f"start {number + 1} of {self.starts}")
            part = between(data, start_ns, end_ns)
            run = backtest(pipeline, part, cancelled=session.cancelled)
            found.append(result_of(KIND, pipeline, part, run).metrics)
        columns = {name: np.array([each[name] for each in found], kind) for name, kind in COLUMNS.items()}
        return {"start_time": np.array(begins, np.int64), "end_time": np.array(ends, np.int64), **columns}

    def _ranges(self, data: MarketData) -> tuple[list[int], list[int]]:
        """Begin and end of each run in nanoseconds UTC, in whole bars from the first that may decide."""
        bar_ns, opens = data.timeframe.ns, map(data.first_tradable_ns, data.bars)
        first_ns = min((each for each in opens if each is not None), default=data.start_ns)
        count = (max(int(bars.time[-1]) for bars in data.bars.values()) - first_ns) // bar_ns + 1
        length = max(1, int(count * self.span_pct / 100.0))
        begins = [first_ns + (count - length) * k // (self.starts - 1) * bar_ns for k in range(self.starts)]
        return begins, [begin + length * bar_ns for begin in begins]


def between(data: MarketData, start_ns: int, end_ns: int) -> MarketData:
    """The candles that open before the end; those before the start only warm up."""
    stops = {symbol: int(bars.time.searchsorted(end_ns)) for symbol, bars in data.bars.items()}
    bars = {symbol: data.bars[symbol].slice(0, stop) for symbol, stop in stops.items() if stop}
    return attrs.evolve(data, bars=bars, start_ns=start_ns, notes=())
