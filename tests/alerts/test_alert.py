"""The values: titles, urgency, what must not be lost, and fields that every sink can write."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from quantsail_framework import Instrument
from quantsail_framework.domain.alert import KINDS, Alert
from tests.alerts.conftest import alert


def test_every_kind_has_a_title_for_people() -> None:
    titles = [alert(kind=kind).title for kind in KINDS]
    assert titles == [
        "Engine started",
        "Engine stopped",
        "Trade opened",
        "Trade closed",
        "Daily target reached",
        "Daily loss limit reached",
        "Breaker tripped",
        "Error",
        "Run finished",
    ]
    assert alert(kind="bot_greeted").title == "Bot greeted"
    assert alert(title="Mine").title == "Mine"


def test_errors_limits_and_breakers_are_critical() -> None:
    assert [alert(kind=kind, level=level).critical for kind, level in (
        ("error", "error"), ("daily_loss_limit", "error"), ("breaker_tripped", "warning"), ("trade_closed", "warning"),
        ("run_finished", "info"), ("daily_target", "success"),
    )] == [True, True, True, False, False, False]  # fmt: skip


def test_levels_have_an_order() -> None:
    assert [alert(level=level).urgency for level in ("info", "success", "warning", "error")] == [0, 1, 2, 3]


def test_fields_are_plain_and_finite() -> None:
    given = Alert("error", "error", "t", 0, {"nan": float("nan"), "inf": float("inf"), "n": 3, "yes": True, "no": None})
    assert dict(given.fields) == {"nan": None, "inf": None, "n": 3, "yes": True, "no": None}
    other = Alert("error", "error", "t", 0, {"price": Decimal("1.50")})
    assert json.dumps(dict(other.fields), allow_nan=False) == '{"price": "1.50"}'


def test_a_text_that_no_encoding_takes_is_mended() -> None:
    """Names of files that are not UTF-8 come into error texts as halves of characters."""
    assert alert("bad \udcff name").text == "bad \N{REPLACEMENT CHARACTER} name"
    assert alert("\ud83d\udea8").text == "🚨"


@pytest.mark.parametrize(
    "tick, price, text",
    [
        ("0.01", 312.4, "312.40"),
        ("0.00000001", 0.00001234, "0.00001234"),
        ("0.05", 1.0, "1.00"),
        ("1E-5", 1.2, "1.20000"),
        ("5", 105.0, "105"),
        ("10", 100_000.0, "100000"),
        (None, 0.00001234, "0.00001234"),
        (None, 312.4, "312.4"),
        (None, 1e-9, "0.000000001"),
        (None, 123456.789, "123456.79"),
        (None, 1e15, "1000000000000000"),
        (None, 12_345_678.9, "12345678.9"),
        (None, 12_345_678_901.0, "12345678901"),
    ],
)
def test_prices_have_the_decimals_of_the_venue(tick: str | None, price: float, text: str) -> None:
    instrument = Instrument("X/Y", tick=None if tick is None else Decimal(tick))
    assert instrument.price_text(price) == text
