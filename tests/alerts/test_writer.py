"""What happens in a run, worded once: prices of the venue, signs before currencies, and how it ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import attrs
import pytest

from quantsail_framework import Instrument, RunResult, Secret, Trip, redacted
from quantsail_framework.alerts import AlertWriter, samples
from quantsail_framework.domain.alert import KINDS, Alert
from quantsail_framework.errors import RunError
from quantsail_framework.ports.runner import DataSpec
from quantsail_framework.testing.examples import example_pipeline
from quantsail_framework.testing.fakes import entry_order, position, trade
from quantsail_framework.testing.markets import START_NS

NOW = 1_700_000_000 * 10**9
HOUR_NS = 3_600 * 10**9
SHIB, BNB = "SHIB/USDT", "BNB/USDT"


class Ticks:
    """A source that knows the ticks of two markets."""

    def instruments(self, symbols: Sequence[str]) -> Mapping[str, Instrument]:
        return {SHIB: Instrument(SHIB, Decimal("0.00000001")), BNB: Instrument(BNB, Decimal("0.01"))}


@pytest.fixture
def told() -> list[Alert]:
    return []


@pytest.fixture
def writer(told: list[Alert]) -> AlertWriter:
    return writer_for(told)


def writer_for(told: list[Alert], **parts: Any) -> AlertWriter:
    pipeline = example_pipeline(source=Ticks(), currency="USDT", name="night", runner="replay", **parts)
    pipeline = attrs.evolve(pipeline, data=DataSpec((SHIB, BNB), pipeline.data.timeframe))
    writer = AlertWriter(pipeline, told.append, lambda: NOW, redacted)
    writer.open()
    return writer


def test_d124_prices_have_the_precision_of_the_venue_and_signs_stand_before(
    writer: AlertWriter, told: list[Alert]
) -> None:
    """The seed wrote $0.00 for every price of SHIB, and a loss as $-5.00."""
    order = entry_order(risk=3.25)
    held = position(
        symbol=SHIB, quantity=1_000_000.0, entry_price=0.00001234, stop=0.0000120, target=0.000013, order=order
    )
    writer.order_filled(held)
    assert told[0].text == (
        "SHIB/USDT long 1000000 at 0.00001234\nstop 0.00001200, target 0.00001300\nsize 12.34 USDT, at risk 3.25 USDT"
    )
    writer.trade_closed(
        trade(symbol=BNB, quantity=0.5, entry_price=312.4, exit_price=303.0, exit_reason="trailing_stop", fees=0.3)
    )
    # 0.5 * (303.0 - 312.4) = -4.70, less 0.30.
    assert told[1].text == "BNB/USDT long 0.5 from 312.40 to 303.00: trailing stop\nnet -5.00 USDT, costs 0.30 USDT"


def test_small_amounts_keep_their_digits(writer: AlertWriter, told: list[Alert]) -> None:
    writer.trade_closed(trade(symbol=BNB, gross_pnl=0.00012, net_pnl=0.00012))
    assert told[0].text.endswith("net +0.00012 USDT, costs 0.00 USDT")
    writer.trade_closed(trade(symbol=BNB, gross_pnl=0.0, net_pnl=0.0))
    assert told[1].text.endswith("net 0.00 USDT, costs 0.00 USDT")
    writer.trade_closed(trade(symbol=BNB, gross_pnl=-1234.5, net_pnl=-1234.5))
    assert told[2].text.endswith("net -1,234.50 USDT, costs 0.00 USDT")
    assert [a.level for a in told] == ["success", "info", "warning"]


def test_a_trade_has_the_time_of_its_bar_and_fields_for_programs(writer: AlertWriter, told: list[Alert]) -> None:
    writer.order_filled(position(symbol=BNB, target=None, entry_time_ns=START_NS))
    assert (told[0].kind, told[0].level, told[0].time_ns) == ("trade_opened", "info", START_NS)
    assert "target none" in told[0].text
    assert dict(told[0].fields) == {
        "symbol": "BNB/USDT",
        "side": "long",
        "quantity": 1.0,
        "entry_price": 100.0,
        "stop": 95.0,
        "target": None,
        "notional": 100.0,
        "risk": 5.0,
        "currency": "USDT",
    }
    writer.trade_closed(trade(symbol=BNB, side="short", exit_time=START_NS + HOUR_NS, exit_price=90.0))
    assert told[1].time_ns == START_NS + HOUR_NS
    assert dict(told[1].fields) == {
        "symbol": "BNB/USDT",
        "side": "short",
        "quantity": 1.0,
        "entry_price": 100.0,
        "exit_price": 90.0,
        "exit_reason": "target",
        "net_pnl": 10.0,
        "costs": 0.0,
        "currency": "USDT",
    }


@pytest.mark.parametrize(
    "trip, kind, level, text",
    [
        (
            Trip(START_NS + HOUR_NS, "the drawdown is 21 %", "flatten"),
            "breaker_tripped",
            "warning",
            "rule: the drawdown is 21 %\npositions are closed and entries refused until 2023-01-02 01:00 UTC",
        ),
        (
            Trip(START_NS + HOUR_NS, "volatile", symbols=("A/B", "C/B")),
            "breaker_tripped",
            "warning",
            "rule: volatile\nentries are refused in A/B, C/B until 2023-01-02 01:00 UTC",
        ),
        (
            Trip(2**63 - 1, "lost it all", kind="daily_loss_limit"),
            "daily_loss_limit",
            "error",
            "rule: lost it all\nentries are refused for the rest of the run",
        ),
        (
            Trip(START_NS + HOUR_NS, "enough", kind="daily_target"),
            "daily_target",
            "success",
            "rule: enough\nentries are refused until 2023-01-02 01:00 UTC",
        ),
    ],
)
def test_d127_trips_say_which_limit_why_and_until_when(
    writer: AlertWriter, told: list[Alert], trip: Trip, kind: str, level: str, text: str
) -> None:
    """The seed had texts for these and nothing that sent them."""
    writer.breaker_tripped("rule", trip, START_NS)
    assert (told[0].kind, told[0].level, told[0].text, told[0].time_ns) == (kind, level, text, START_NS)


def test_the_end_of_a_run_has_its_figures(writer: AlertWriter, told: list[Alert]) -> None:
    metrics = {"total_trades": 104, "total_net_pnl": 162.39, "total_return": 0.0162, "max_drawdown": 0.0134, "n": None}
    writer.finished(RunResult("backtest", "night", metrics=metrics, verdict="pass"))
    (only,) = told
    assert (only.kind, only.time_ns) == ("run_finished", NOW)
    assert only.text == (
        "backtest 'night' finished: pass\n104 trades, net +162.39 USDT, return +1.62%, max drawdown 1.34%"
    )
    assert dict(only.fields) == {name: value for name, value in metrics.items() if value is not None}


def test_a_run_of_another_kind_needs_no_figures(writer: AlertWriter, told: list[Alert]) -> None:
    writer.finished(RunResult("walk-forward", "night", metrics={"windows": {}}))
    assert told[0].text == "walk-forward 'night' finished"


def test_figures_that_are_no_numbers_are_left_out_of_the_text(writer: AlertWriter, told: list[Alert]) -> None:
    metrics = {"total_trades": 3, "total_return": "a lot", "max_drawdown": float("nan")}
    writer.finished(RunResult("mine", "night", metrics=metrics))
    assert told[0].text == "mine 'night' finished\n3 trades"


def test_an_engine_that_started_also_stops(told: list[Alert]) -> None:
    for end in ("finished", "failed", "interrupted"):
        writer = writer_for(told)
        writer.run_started("night")
        {
            "finished": lambda w: w.finished(RunResult("replay", "night")),
            "failed": lambda w: w.failed(ValueError("a bug")),
            "interrupted": lambda w: w.interrupted(),
        }[end](writer)
    assert [(a.kind, a.level, a.text) for a in told] == [
        started := (
            "engine_started",
            "info",
            "replay 'night' started: SHIB/USDT, BNB/USDT at 5m, capital 10,000.00 USDT",
        ),
        ("run_finished", "info", "replay 'night' finished"),
        ("engine_stopped", "info", "replay 'night' stopped at its end"),
        started,
        ("error", "error", "replay 'night' failed: ValueError: a bug"),
        ("engine_stopped", "warning", "replay 'night' stopped after an error"),
        started,
        ("engine_stopped", "warning", "replay 'night' stopped by the user"),
    ]


def test_an_error_that_repeats_a_secret_is_told_without_it(
    writer: AlertWriter, told: list[Alert], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEY", "canary/4711")
    Secret(env="KEY").reveal()
    writer.failed(RuntimeError("GET https://x/?key=canary/4711 and canary%2F4711 failed"))
    assert told[0].text == "replay 'night' failed: RuntimeError: GET https://x/?key=******** and ******** failed"


def test_an_error_is_told_with_its_type_unless_its_text_says_enough(writer: AlertWriter, told: list[Alert]) -> None:
    for error in (KeyError("x"), RunError("the exchange is closed at 2020-01-01")):
        writer.failed(error)
    assert [a.text for a in told] == [
        "replay 'night' failed: KeyError: 'x'",
        "replay 'night' failed: the exchange is closed at 2020-01-01",
    ]


@pytest.mark.parametrize(
    "lot, quantity, text",
    [
        (None, 12_345_678_901.0, "12345678901"),
        (None, 12_345_678.25, "12345678.25"),
        (None, 0.123456789, "0.12345679"),
        ("0.001", 12_345_678_901.5, "12345678901.500"),
        ("0.00000001", 0.12345678, "0.12345678"),
        ("1", 12_345_678_901.0, "12345678901"),
        ("1000", 12_345_678_000.0, "12345678000"),
    ],
)
def test_quantities_keep_their_whole_part_and_the_decimals_of_the_lot(
    lot: str | None, quantity: float, text: str, told: list[Alert]
) -> None:
    class Lots:
        def instruments(self, symbols: Sequence[str]) -> Mapping[str, Instrument]:
            return {BNB: Instrument(BNB, lot=None if lot is None else Decimal(lot))}

    writer = AlertWriter(example_pipeline(source=Lots()), told.append, lambda: NOW)
    writer.open()
    writer.order_filled(position(symbol=BNB, quantity=quantity))
    writer.trade_closed(trade(symbol=BNB, quantity=quantity))
    assert told[0].text.startswith(f"BNB/USDT long {text} at ")
    assert told[1].text.startswith(f"BNB/USDT long {text} from ")


def test_a_source_that_cannot_tell_its_markets_does_not_stop_alerts(told: list[Alert]) -> None:
    class Mute:
        def instruments(self, symbols: Sequence[str]) -> Mapping[str, Instrument]:
            raise OSError("offline")

    pipeline = example_pipeline(source=Mute())
    writer = AlertWriter(pipeline, told.append, lambda: NOW)
    writer.open()
    writer.trade_closed(trade(symbol=BNB, exit_price=312.4))
    assert "to 312.4:" in told[0].text


def test_samples_have_one_of_every_kind_and_say_that_they_are_tests() -> None:
    made = samples(NOW, "night")
    assert tuple(a.kind for a in made) == KINDS
    assert all(a.text.startswith("This is a test, nothing happened (night).") for a in made)
