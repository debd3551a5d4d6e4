"""`trading-hours` at moments worked by hand."""

from __future__ import annotations

import pytest
from quantsail_framework import Breach
from quantsail_framework.testing import fakes, markets

from quantsail_trading_hours.rule import TradingHours

MINUTE_NS = 60_000_000_000
BARS = markets.random_walk(size=10)


def answer(rule: TradingHours, hour: int, minute: int) -> Breach | None:
    """What the rule says of an entry that is decided at that time of the day."""
    market = fakes.FakeMarket(BARS, now_ns=markets.START_NS + (hour * 60 + minute) * MINUTE_NS)
    return rule.check(fakes.request(), fakes.FakePortfolio(), market)


@pytest.mark.parametrize(
    ("from_hour", "to_hour", "hour", "minute", "approved"),
    [
        (8, 20, 7, 59, False),
        (8, 20, 8, 0, True),
        (8, 20, 19, 59, True),
        (8, 20, 20, 0, False),
        (22, 6, 23, 0, True),
        (22, 6, 5, 59, True),
        (22, 6, 6, 0, False),
        (0, 24, 23, 59, True),
        (9, 9, 9, 0, False),
    ],
)
def test_the_hours_are_half_open(from_hour: int, to_hour: int, hour: int, minute: int, approved: bool) -> None:
    assert (answer(TradingHours(from_hour, to_hour), hour, minute) is None) is approved


def test_the_refusal_tells_when_it_was_decided() -> None:
    assert answer(TradingHours(), 3, 5) == Breach("decided at 03:05 UTC; entries are from 8 to 20", None, 3)
