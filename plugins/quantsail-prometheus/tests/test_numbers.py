"""The numbers that a scrape shows, from events told by hand and from whole runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import attrs
import numpy as np
import pytest

from quantsail_framework import load_pipeline
from quantsail_framework.domain.alert import Alert
from quantsail_framework.domain.order import Trip
from quantsail_framework.domain.result import RunResult
from quantsail_framework.domain.signals import SHORT
from quantsail_framework.domain.timeframe import NS_PER_DAY, NS_PER_SECOND
from quantsail_framework.domain.trade import Trade
from quantsail_framework.ports.runner import NamedRule, Pipeline
from quantsail_framework.testing.examples import example_pipeline
from quantsail_framework.testing.fakes import position, refusal, trade
from quantsail_framework.testing.markets import START_NS, SYMBOL
from quantsail_prometheus.observers import PrometheusEndpoint

STOPPED = {"symbol": SYMBOL, "side": "long", "exit_reason": "stop"}
HIT = {"symbol": SYMBOL, "side": "short", "exit_reason": "target"}


def closed(net_pnl: float, **values: Any) -> Trade:
    return trade(**({"exit_reason": "stop", "net_pnl": net_pnl} | values))


@pytest.fixture
def prepared(endpoint: PrometheusEndpoint) -> PrometheusEndpoint:
    """An endpoint that knows its run: five-minute bars of one symbol, capital 10,000, a rule and a sink."""
    rules = (NamedRule("max-daily-loss", Tripping()),)
    resolved = {"strategy": {"use": "trend"}, "alerts": [{"use": "telegram"}, {"use": "telegram"}]}
    values = {"name": "watched", "runner": "replay", "currency": "USDT"}
    endpoint.run_prepared(example_pipeline(risk=rules, resolved=resolved, **values))
    return endpoint


class Tripping:
    """A breaker."""

    watches = ("trades",)

    def check(self, request: Any, portfolio: Any, market: Any) -> None:
        return None

    def trip(self, portfolio: Any, market: Any, reference: Any) -> None:
        return None


def test_d132_what_is_not_known_is_absent_and_what_is_counted_starts_at_zero(
    prepared: PrometheusEndpoint, scrape: Callable[[], Any]
) -> None:
    seen = scrape()
    for name in ("equity", "drawdown_ratio", "daily_pnl", "last_bar_close_timestamp_seconds"):
        assert seen.series(f"quantsail_{name}") == {}
    assert seen("quantsail_run_info", strategy="trend", timeframe="5m", currency="USDT") == 1
    assert seen("quantsail_timeframe_seconds") == 300
    assert seen("quantsail_open_positions", symbol=SYMBOL, side="long") == 0
    assert seen("quantsail_trades_total", **STOPPED) == 0
    assert seen("quantsail_refusals_total", rule="max-daily-loss") == 0
    assert seen("quantsail_breaker_trips_total", rule="max-daily-loss") == 0
    assert seen("quantsail_alerts_dropped_total", sink="telegram-2") == 0
    assert seen("quantsail_decision_latency_seconds_count") == 0


def test_nothing_is_exported_before_the_run_is_known(endpoint: PrometheusEndpoint, scrape: Callable[[], Any]) -> None:
    endpoint.equity_updated(START_NS, 10_000.0)
    assert scrape().text == ""


def test_d128_trades_are_counted_with_their_results(prepared: PrometheusEndpoint, scrape: Callable[[], Any]) -> None:
    """Longs stopped at -7.5, -2.5 and +1.25 (a stop that had moved), a short at its target with +20, one of 0."""
    for net_pnl in (-7.5, -2.5, 1.25):
        prepared.trade_closed(closed(net_pnl))
    prepared.trade_closed(closed(20.0, side="short", exit_reason="target"))
    prepared.trade_closed(closed(0.0, exit_reason="time"))
    seen = scrape()
    assert seen("quantsail_trades_total", **STOPPED) == 3
    assert seen("quantsail_trades_total", **HIT) == 1
    assert seen("quantsail_trades_total", **STOPPED | {"exit_reason": "time"}) == 1
    assert seen("quantsail_trade_gains_total", **STOPPED) == 1.25
    assert seen("quantsail_trade_losses_total", **STOPPED) == 10.0
    assert seen("quantsail_trade_gains_total", **HIT) == 20.0
    assert seen("quantsail_trade_losses_total", **HIT) == 0.0
    assert seen("quantsail_daily_pnl") == 11.25


def test_d129_the_mean_result_can_be_worked_out_also_of_losses(
    prepared: PrometheusEndpoint, scrape: Callable[[], Any]
) -> None:
    for net_pnl in (-30.0, 10.0, -4.0):
        prepared.trade_closed(closed(net_pnl))
    totals = [sum(scrape().series(f"quantsail_{name}_total").values()) for name in ("trade_gains", "trade_losses")]
    trades = sum(scrape().series("quantsail_trades_total").values())
    assert (totals[0] - totals[1]) / trades == pytest.approx(-8.0)


def test_open_positions_rise_and_fall(prepared: PrometheusEndpoint, scrape: Callable[[], Any]) -> None:
    prepared.order_filled(position(side=SHORT))
    assert scrape()("quantsail_open_positions", symbol=SYMBOL, side="short") == 1
    prepared.trade_closed(closed(5.0, side="short"))
    assert scrape()("quantsail_open_positions", symbol=SYMBOL, side="short") == 0
    assert scrape()("quantsail_open_positions", symbol=SYMBOL, side="long") == 0


def test_drawdown_counts_from_the_highest_close_and_from_the_capital(
    prepared: PrometheusEndpoint, scrape: Callable[[], Any]
) -> None:
    """9,500 of 10,000 is 5 % down; 12,000 is a new peak; 9,000 is a quarter below it."""
    for equity, drawdown in ((9_500.0, 0.05), (12_000.0, 0.0), (9_000.0, 0.25)):
        prepared.equity_updated(START_NS, equity)
        assert scrape()("quantsail_equity") == equity
        assert scrape()("quantsail_drawdown_ratio") == pytest.approx(drawdown)


def test_the_result_of_the_day_restarts_with_the_day(prepared: PrometheusEndpoint, scrape: Callable[[], Any]) -> None:
    """START_NS is midnight UTC: 20 lost and 5 won that day; the next begins at 0 with its first close."""
    last_bar = START_NS + NS_PER_DAY - 300 * NS_PER_SECOND
    prepared.trade_closed(closed(-20.0, exit_time=START_NS))
    prepared.trade_closed(closed(5.0, exit_time=last_bar))
    prepared.equity_updated(last_bar, 9_985.0)
    assert scrape()("quantsail_daily_pnl") == -15.0
    prepared.equity_updated(START_NS + NS_PER_DAY, 9_985.0)
    assert scrape()("quantsail_daily_pnl") == 0.0
    prepared.trade_closed(closed(3.0, exit_time=START_NS + NS_PER_DAY))
    assert scrape()("quantsail_daily_pnl") == 3.0


def test_the_day_is_that_of_the_pipelines_time_zone(endpoint: PrometheusEndpoint, scrape: Callable[[], Any]) -> None:
    """22:30 UTC of 2 January is 23:30 in Berlin, and 23:30 UTC is already the 3rd there."""
    endpoint.run_prepared(example_pipeline(name="watched", runner="replay", timezone="Europe/Berlin"))
    half_past_22 = START_NS + (22 * 60 + 30) * 60 * NS_PER_SECOND
    endpoint.trade_closed(closed(-20.0, exit_time=half_past_22))
    assert scrape()("quantsail_daily_pnl") == -20.0
    endpoint.trade_closed(closed(1.0, exit_time=half_past_22 + 3_600 * NS_PER_SECOND))
    assert scrape()("quantsail_daily_pnl") == 1.0


def test_refusals_trips_and_lost_alerts_are_counted_by_name(
    prepared: PrometheusEndpoint, scrape: Callable[[], Any]
) -> None:
    for rule in ("max-daily-loss", "gapped", "gapped"):
        prepared.order_refused(refusal(rule=rule))
    prepared.breaker_tripped("max-daily-loss", Trip(START_NS + NS_PER_DAY, "50 lost"), START_NS)
    prepared.alert_dropped("telegram-2", Alert("error", "error", "lost", START_NS))
    seen = scrape()
    assert seen("quantsail_refusals_total", rule="gapped") == 2
    assert seen("quantsail_refusals_total", rule="max-daily-loss") == 1
    assert seen("quantsail_breaker_trips_total", rule="max-daily-loss") == 1
    dropped = {dict(labels)["sink"]: value for labels, value in seen.series("quantsail_alerts_dropped_total").items()}
    assert dropped == {"telegram": 0, "telegram-2": 1}


def test_d133_age_of_the_data_and_latency(prepared: PrometheusEndpoint, scrape: Callable[[], Any]) -> None:
    """Decisions of 0.3 ms, exactly 5 ms, 0.7 s and 20 s: cumulative counts, and a sum of 20.7053 s."""
    for seconds in (0.0003, 0.005, 0.7, 20.0):
        prepared.bars_decided(START_NS, (SYMBOL, "BTC/USDT"), seconds)
    seen = scrape()
    close = START_NS / NS_PER_SECOND + 300
    assert seen("quantsail_last_bar_close_timestamp_seconds", symbol=SYMBOL) == close
    assert seen("quantsail_last_bar_close_timestamp_seconds", symbol="BTC/USDT") == close
    buckets = {"0.001": 1, "0.0025": 1, "0.005": 2, "0.5": 2, "1.0": 3, "10.0": 3, "+Inf": 4}
    for bound, count in buckets.items():
        assert seen("quantsail_decision_latency_seconds_bucket", le=bound) == count
    assert seen("quantsail_decision_latency_seconds_count") == 4
    assert seen("quantsail_decision_latency_seconds_sum") == pytest.approx(20.7053)


def test_d133_the_number_of_series_is_bounded(prepared: PrometheusEndpoint, scrape: Callable[[], Any]) -> None:
    """As the page says: 51 for a symbol, 21 for the run, one for each rule, breaker and sink (here 1, 1, 2)."""
    for number in range(100):
        prepared.order_filled(position())
        prepared.trade_closed(closed(float(number - 50), reason=f"text {number}", bound_by=f"bound {number}"))
        prepared.equity_updated(START_NS + number, 10_000.0 + number)
        prepared.bars_decided(START_NS + number, (SYMBOL,), number / 10)
        prepared.order_refused(refusal(rule="max-daily-loss", text=f"text {number}"))
    assert len(scrape().values) == 51 + 21 + 4


def test_hostile_names_stay_inside_their_label(endpoint: PrometheusEndpoint, scrape: Callable[[], Any]) -> None:
    name = 'a"} 1\nquantsail_equity{x="\\'
    endpoint.run_prepared(example_pipeline(name=name, runner="replay"))
    assert scrape()("quantsail_timeframe_seconds", pipeline=name) == 300
    assert scrape().series("quantsail_equity") == {}


def test_a_second_run_begins_anew(prepared: PrometheusEndpoint, scrape: Callable[[], Any]) -> None:
    prepared.trade_closed(closed(-20.0))
    prepared.equity_updated(START_NS, 9_980.0)
    prepared.run_prepared(example_pipeline(name="watched", runner="replay"))
    assert scrape()("quantsail_trades_total", **STOPPED) == 0
    assert scrape().series("quantsail_equity") == {}


# Whole runs.


def by_labels(table: dict[str, Any], values: Any) -> dict[frozenset[tuple[str, str]], float]:
    """Sums of ``values`` by the labels that trades are counted with."""
    sums: Counter[frozenset[tuple[str, str]]] = Counter()
    names = ("symbol", "side", "exit_reason")
    for *words, value in zip(*(table[name] for name in names), values, strict=True):
        sums[frozenset(zip(names, words, strict=True))] += value
    return dict(sums)


def check_equals_tables(result: RunResult, seen: Any) -> None:
    """Every number of the scrape is the one that the tables of the run give."""
    trades, net = dict(result.trades), result.trades["net_pnl"]
    expected = {
        "quantsail_trades_total": by_labels(trades, np.ones(len(net))),
        "quantsail_trade_gains_total": by_labels(trades, np.maximum(net, 0.0)),
        "quantsail_trade_losses_total": by_labels(trades, np.maximum(-net, 0.0)),
        "quantsail_refusals_total": {
            frozenset({("rule", rule)}): count for rule, count in Counter(result.refusals["rule"].tolist()).items()
        },
    }
    for name, sums in expected.items():
        shown = {labels: value for labels, value in seen.series(name).items() if value}
        assert shown == pytest.approx({labels: value for labels, value in sums.items() if value}), name
    equity = result.equity["equity"]
    (last,) = seen.series("quantsail_equity").values()
    assert last == equity[-1]
    today = trades["exit_time"] // NS_PER_DAY == result.equity["time"][-1] // NS_PER_DAY
    assert list(seen.series("quantsail_daily_pnl").values()) == pytest.approx([net[today].sum()])
    assert set(seen.series("quantsail_open_positions").values()) == {0}


def test_a_replay_shows_what_its_tables_say(watched: Pipeline, run_watched: Callable[..., Any]) -> None:
    result, seen = run_watched(watched)
    assert len(result.trades["symbol"]) > 100
    check_equals_tables(result, seen)
    equity = result.equity["equity"]
    peak = max(watched.capital, equity.max())
    assert seen("quantsail_drawdown_ratio") == pytest.approx(1 - equity[-1] / peak)
    trips = seen("quantsail_breaker_trips_total", rule="max-daily-loss")
    days_refused = result.refusals["time"][result.refusals["rule"] == "max-daily-loss"] // NS_PER_DAY
    assert trips >= len(set(days_refused.tolist())) > 10


def test_a_backtest_shows_what_its_tables_say(watched: Pipeline, run_watched: Callable[..., Any]) -> None:
    result, seen = run_watched(attrs.evolve(watched, runner="backtest"))
    assert {dict(labels)["runner"] for _, labels in seen.values} == {"backtest"}
    check_equals_tables(result, seen)


def test_a_run_of_several_markets_shows_what_its_tables_say(
    watched: Pipeline, run_watched: Callable[..., Any], pytestconfig: pytest.Config
) -> None:
    overrides = {"data.use": "synthetic", "data.symbols": ["A/USD", "B/USD", "C/USD"], "data.seed": 3}
    result, seen = run_watched(
        load_pipeline(pytestconfig.rootpath / "examples" / "quickstart.toml", overrides=overrides)
    )
    assert set(result.trades["symbol"]) == {"A/USD", "B/USD", "C/USD"}
    check_equals_tables(result, seen)
