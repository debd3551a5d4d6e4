"""The metrics and their labels: what dashboards, alert rules and the documentation may rely on.

Names and labels change only with a new major version. Every label has a bounded set of values: names of
components, symbols of the pipeline, words of the trades table; never text of a user or a venue.
"""

from __future__ import annotations

from typing import Literal

import attrs

Kind = Literal["counter", "gauge", "histogram"]

# On every series, so that files of several runs can lie side by side and paper is never summed with live.
COMMON_LABELS = ("pipeline", "runner")
# Upper bounds in seconds: from a bar of one market to a slow model over hundreds.
LATENCY_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


@attrs.frozen(eq=False)  # by identity: it is a key, and looked up at every event
class Metric:
    """One metric: its name, its type, its labels beside the common ones, and its HELP text."""

    name: str
    kind: Kind
    labels: tuple[str, ...]
    help: str


RUN_INFO = Metric("quantsail_run_info", "gauge", ("strategy", "timeframe", "currency"), "Always 1; what is running.")
TIMEFRAME = Metric("quantsail_timeframe_seconds", "gauge", (), "Length of a bar.")
TRADES = Metric("quantsail_trades_total", "counter", ("symbol", "side", "exit_reason"), "Closed trades.")
GAINS = Metric(
    "quantsail_trade_gains_total",
    "counter",
    ("symbol", "side", "exit_reason"),
    "Sum of the net results of winning trades, in quote currency.",
)
LOSSES = Metric(
    "quantsail_trade_losses_total",
    "counter",
    ("symbol", "side", "exit_reason"),
    "Sum of the net results of losing trades, in quote currency, as a positive number.",
)
EQUITY = Metric("quantsail_equity", "gauge", (), "Equity at the last close, in quote currency.")
DAILY_PNL = Metric(
    "quantsail_daily_pnl",
    "gauge",
    (),
    "Sum of the net results of the trades that ended on this trading day, in quote currency.",
)
DRAWDOWN = Metric(
    "quantsail_drawdown_ratio",
    "gauge",
    (),
    "How far equity is below its highest close so far (at least the capital), as a fraction of it.",
)
OPEN_POSITIONS = Metric("quantsail_open_positions", "gauge", ("symbol", "side"), "Open positions.")
REFUSALS = Metric("quantsail_refusals_total", "counter", ("rule",), "Refused entries.")
BREAKER_TRIPS = Metric("quantsail_breaker_trips_total", "counter", ("rule",), "Trips of circuit breakers and limits.")
LAST_BAR_CLOSE = Metric(
    "quantsail_last_bar_close_timestamp_seconds",
    "gauge",
    ("symbol",),
    "Close of the last bar that was decided on, Unix time; bar by bar only.",
)
DECISION_LATENCY = Metric(
    "quantsail_decision_latency_seconds",
    "histogram",
    (),
    "From having a bar to having decided on it; bar by bar only.",
)
ALERTS_DROPPED = Metric("quantsail_alerts_dropped_total", "counter", ("sink",), "Alerts that will never be delivered.")

METRICS = (
    RUN_INFO,
    TIMEFRAME,
    TRADES,
    GAINS,
    LOSSES,
    EQUITY,
    DAILY_PNL,
    DRAWDOWN,
    OPEN_POSITIONS,
    REFUSALS,
    BREAKER_TRIPS,
    LAST_BAR_CLOSE,
    DECISION_LATENCY,
    ALERTS_DROPPED,
)
