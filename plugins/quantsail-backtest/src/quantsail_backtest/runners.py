"""The two runners: load the candles and run the engine, from event to event or bar by bar."""

from __future__ import annotations

from typing import ClassVar, Literal

import attrs

from quantsail_framework.backtest import backtest, result_of
from quantsail_framework.domain.result import RunResult
from quantsail_framework.engine import load_market
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
        run = backtest(
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
        from quantsail_framework.engine import replay

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
