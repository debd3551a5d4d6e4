"""`event-log` on events worked by hand; 1970 began at 0."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from quantsail_framework import RunResult, Trip
from quantsail_framework.errors import InputError
from quantsail_framework.testing import fakes

from quantsail_event_log.observer import EventLog

HOUR_NS = 3_600_000_000_000


@pytest.fixture
def log(tmp_path: Path) -> EventLog:
    return EventLog(tmp_path / "events.jsonl")


def lines(log: EventLog) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.path.read_text(encoding="utf-8").splitlines()]


def test_each_event_is_a_line(log: EventLog) -> None:
    log.open()
    log.run_started("first")
    log.order_refused(fakes.refusal(time_ns=0, limit=float("inf"), value=None, text="nur heute nicht: 1 €"))
    log.order_filled(fakes.position(entry_time_ns=HOUR_NS, side=-1, target=None))
    log.breaker_tripped("max-drawdown", Trip(2 * HOUR_NS, "it fell by 21 %", symbols=("A/B",)), HOUR_NS)
    log.run_finished(RunResult("walk-forward", "first", verdict="pass"))
    log.close()
    refused = {"rule": "max-daily-trades", "limit": None, "value": None, "price": 100.0, "text": "nur heute nicht: 1 €"}
    filled = {"quantity": 1.0, "entry_price": 100.0, "entry_costs": 0.0, "stop": 95.0, "target": None}
    tripped = {"reason": "it fell by 21 %", "action": "refuse", "symbols": ["A/B"], "limit": None, "value": None}
    until = {"rule": "max-drawdown", "until_time": "1970-01-01T02:00:00Z"}
    assert lines(log) == [
        {"event": "run_started", "name": "first"},
        {"event": "order_refused", "time": "1970-01-01T00:00:00Z", "symbol": "TEST/USDT", "side": "long", **refused},
        {"event": "order_filled", "time": "1970-01-01T01:00:00Z", "symbol": "TEST/USDT", "side": "short", **filled},
        {"event": "breaker_tripped", "time": "1970-01-01T01:00:00Z", **until, **tripped},
        {"event": "run_finished", "name": "first", "verdict": "pass"},
    ]


def test_a_trade_has_every_column_of_the_trades_table(log: EventLog) -> None:
    log.open()
    log.trade_closed(fakes.trade(entry_time=0, exit_time=HOUR_NS, exit_price=95.0, exit_reason="stop", fees=0.5))
    (line,) = lines(log)
    log.close()
    assert (line["time"], line["exit_time"]) == ("1970-01-01T01:00:00Z", "1970-01-01T01:00:00Z")
    assert (line["entry_time"], line["exit_reason"], line["net_pnl"]) == ("1970-01-01T00:00:00Z", "stop", -5.5)


def test_a_line_can_be_read_while_the_run_goes_on_and_the_next_run_begins_anew(log: EventLog) -> None:
    for name in ("first", "second"):
        log.open()
        log.run_started(name)
        assert lines(log) == [{"event": "run_started", "name": name}]
        log.close()


def test_a_missing_folder_is_named_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no folder .*nowhere; make it"):
        EventLog(tmp_path / "nowhere" / "events.jsonl").open()
