"""The numbers behind the metrics, counted from the events of a run; knows nothing of Prometheus.

Own numbers and not the client's metric objects: nothing is global, an event costs a few dictionary
operations, a value that is not known yet is absent and not zero, and one scrape sees one moment.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from itertools import product
from threading import Lock
from zoneinfo import ZoneInfo

import attrs

from quantsail_framework.config import item_names
from quantsail_framework.domain.order import Refusal
from quantsail_framework.domain.signals import LONG, SHORT, side_name
from quantsail_framework.domain.timeframe import NS_PER_SECOND
from quantsail_framework.domain.trade import EXIT_REASONS, Position, Trade
from quantsail_framework.ports.runner import Pipeline
from quantsail_prometheus.contract import (
    ALERTS_DROPPED,
    BREAKER_TRIPS,
    DAILY_PNL,
    DRAWDOWN,
    EQUITY,
    GAINS,
    LAST_BAR_CLOSE,
    LATENCY_BUCKETS,
    LOSSES,
    METRICS,
    OPEN_POSITIONS,
    REFUSALS,
    RUN_INFO,
    TIMEFRAME,
    TRADES,
    Metric,
)

_SIDES = (side_name(LONG), side_name(SHORT))
Series = dict[tuple[str, ...], float]


@attrs.frozen
class Snapshot:
    """All numbers of one moment. ``common`` are the values of the common labels; None before a run.

    ``series``: per metric, the values of its own labels to the number. ``latencies`` counts the decisions
    in each bucket and above the last one, ``latency_sum`` are their seconds.
    """

    common: tuple[str, str] | None
    series: Mapping[Metric, Series]
    latencies: Sequence[int]
    latency_sum: float


class Tally:
    """Counts the events of one run at a time. A scrape, and a dropped alert, may come from other threads.

    ``finished`` tells whether the run has ended well.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._clear()

    def __reduce__(self) -> tuple[type[Tally], tuple[()]]:
        """A copy begins anew, as the lock cannot travel."""
        return Tally, ()

    def _clear(self) -> None:
        self.finished = False
        self._common: tuple[str, str] | None = None
        self._series: dict[Metric, Series] = {metric: {} for metric in METRICS}
        self._latencies = [0] * (len(LATENCY_BUCKETS) + 1)
        self._latency_sum = 0.0
        self._zone: ZoneInfo | None = None
        self._today: date | None = None
        self._peak = 0.0
        self._bar_ns = 0

    def snapshot(self) -> Snapshot:
        """The numbers now."""
        with self._lock:
            series = {metric: dict(values) for metric, values in self._series.items()}
            return Snapshot(self._common, series, tuple(self._latencies), self._latency_sum)

    def run_prepared(self, pipeline: Pipeline) -> None:
        """Begin anew with this run. Counters start at 0 so that a rate sees their first increase."""
        with self._lock:
            self._clear()
            self._common = (pipeline.name, pipeline.runner)
            self._zone = None if pipeline.timezone == "UTC" else ZoneInfo(pipeline.timezone)
            self._peak = pipeline.capital
            self._bar_ns = pipeline.data.timeframe.ns
            self._set(RUN_INFO, 1.0, _strategy(pipeline), str(pipeline.data.timeframe), pipeline.currency or "")
            self._set(TIMEFRAME, self._bar_ns / NS_PER_SECOND)
            self._start_at_zero(pipeline)

    def _start_at_zero(self, pipeline: Pipeline) -> None:
        for symbol, side in product(pipeline.data.symbols, _SIDES):
            self._set(OPEN_POSITIONS, 0.0, symbol, side)
            for metric, reason in product((TRADES, GAINS, LOSSES), EXIT_REASONS):
                self._set(metric, 0.0, symbol, side, reason)
        for named in pipeline.risk:
            self._set(REFUSALS, 0.0, named.name)
            if hasattr(named.rule, "trip"):
                self._set(BREAKER_TRIPS, 0.0, named.name)
        for sink in item_names([table["use"] for table in pipeline.resolved.get("alerts") or ()]):
            self._set(ALERTS_DROPPED, 0.0, sink)

    def order_refused(self, refusal: Refusal) -> None:
        """One more refusal of its rule."""
        with self._lock:
            self._add(REFUSALS, 1.0, refusal.rule)

    def order_filled(self, position: Position) -> None:
        """One more open position."""
        with self._lock:
            self._add(OPEN_POSITIONS, 1.0, position.symbol, side_name(position.side))

    def trade_closed(self, trade: Trade) -> None:
        """One more trade, one position fewer, and its result; a result of zero is neither gain nor loss."""
        labels = (trade.symbol, trade.side, trade.exit_reason)
        with self._lock:
            self._add(OPEN_POSITIONS, -1.0, trade.symbol, trade.side)
            self._add(TRADES, 1.0, *labels)
            self._add(GAINS, max(0.0, trade.net_pnl), *labels)
            self._add(LOSSES, max(0.0, -trade.net_pnl), *labels)
            self._begin_day(trade.exit_time)
            self._add(DAILY_PNL, trade.net_pnl)

    def breaker_tripped(self, rule: str) -> None:
        """One more trip of that rule."""
        with self._lock:
            self._add(BREAKER_TRIPS, 1.0, rule)

    def equity_updated(self, time_ns: int, equity: float) -> None:
        """Equity at the close of the bar that opened at ``time_ns``, and its distance from the peak."""
        with self._lock:
            self._peak = max(self._peak, equity)
            self._set(EQUITY, equity)
            self._set(DRAWDOWN, 1.0 - equity / self._peak if self._peak > 0.0 else 0.0)
            self._begin_day(time_ns)

    def bars_decided(self, time_ns: int, symbols: Sequence[str], seconds: float) -> None:
        """One more decision that took ``seconds``, on bars that opened at ``time_ns``."""
        close = (time_ns + self._bar_ns) / NS_PER_SECOND
        with self._lock:
            for symbol in symbols:
                self._set(LAST_BAR_CLOSE, close, symbol)
            self._latencies[bisect_left(LATENCY_BUCKETS, seconds)] += 1
            self._latency_sum += seconds

    def alert_dropped(self, sink: str) -> None:
        """One more alert lost on the way to that sink."""
        with self._lock:
            self._add(ALERTS_DROPPED, 1.0, sink)

    def _set(self, metric: Metric, value: float, *labels: str) -> None:
        self._series[metric][labels] = value

    def _add(self, metric: Metric, amount: float, *labels: str) -> None:
        series = self._series[metric]
        series[labels] = series.get(labels, 0.0) + amount

    def _begin_day(self, time_ns: int) -> None:
        """The figure of the day restarts when the trading day of a bar's open is another."""
        today = datetime.fromtimestamp(time_ns // NS_PER_SECOND, self._zone or UTC).date()
        if today != self._today:
            self._today = today
            self._set(DAILY_PNL, 0.0)


def _strategy(pipeline: Pipeline) -> str:
    """What the pipeline file calls the strategy; its class where Python code put an object there."""
    return str(pipeline.resolved.get("strategy", {}).get("use") or type(pipeline.strategy).__name__)
