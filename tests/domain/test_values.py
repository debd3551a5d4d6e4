"""Timeframes, instruments and trading days, with numbers worked by hand."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantsail_framework import Instrument, Timeframe
from quantsail_framework.domain.instrument import quote_currency
from quantsail_framework.engine.day import TradingDay

SECOND = 1_000_000_000


def ns(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * SECOND


@pytest.mark.parametrize("text, seconds", [("5m", 300), ("1h", 3_600), ("4h", 14_400), ("1d", 86_400), ("1w", 604_800)])
def test_timeframes(text: str, seconds: int) -> None:
    assert Timeframe(text).ns == seconds * SECOND
    assert str(Timeframe(text)) == text


@pytest.mark.parametrize("text", ["1M", "0m", "5", "m5", "5min", "-1h", ""])
def test_what_is_no_timeframe_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a count and one of s, m, h, d, w"):
        Timeframe(text)


def test_d041_prices_and_quantities_follow_the_market_s_steps_exactly() -> None:
    market = Instrument("A/USDT", tick=Decimal("0.01"), lot=Decimal("0.001"), min_notional=5.0)
    assert market.floor_price(100.019) == 100.01
    assert market.ceil_price(100.011) == 100.02
    # 0.29 is already on the tick, though 0.29 / 0.01 is 28.999999999999996 in floats.
    assert market.floor_price(0.29) == market.ceil_price(0.29) == 0.29
    assert market.floor_quantity(1.2349) == 1.234
    assert market.floor_quantity(0.0009) == 0.0
    assert market.has_rules
    assert not Instrument("A/USDT").has_rules
    assert Instrument("A/USDT").floor_price(1.23456789) == 1.23456789


@given(st.floats(1e-6, 1e6), st.sampled_from(["0.01", "0.5", "0.00001", "25"]))
def test_rounding_stays_within_one_step(price: float, tick: str) -> None:
    market = Instrument("A/USDT", tick=Decimal(tick))
    low, high = market.floor_price(price), market.ceil_price(price)
    assert low <= price <= high
    assert high - low <= float(tick) + 1e-9 * price


@pytest.mark.parametrize(
    "symbol, quote", [("BTC/USDT", "USDT"), ("BTC/USDT:USDT", "USDT"), ("EUR/USD", "USD"), ("GOOGL", None)]
)
def test_quote_currency(symbol: str, quote: str | None) -> None:
    assert quote_currency(symbol) == quote


def test_a_trading_day_ends_at_its_zone_s_midnight() -> None:
    assert TradingDay("UTC").end(ns("2023-03-12T23:59:59")) == ns("2023-03-13T00:00:00")
    assert TradingDay("UTC").end(ns("2023-03-13T00:00:00")) == ns("2023-03-14T00:00:00")
    # New York went to summer time on 2023-03-12: that day has 23 hours, from 05:00 UTC to 04:00 UTC.
    new_york = TradingDay("America/New_York")
    assert new_york.end(ns("2023-03-12T05:00:00")) == ns("2023-03-13T04:00:00")
    assert new_york.end(ns("2023-03-12T04:59:59")) == ns("2023-03-12T05:00:00")
    assert TradingDay("Asia/Tokyo").end(ns("2023-03-12T15:00:00")) == ns("2023-03-13T15:00:00")
