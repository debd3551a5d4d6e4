"""Portfolio limits at, below and above their edge, with the texts that users read; and the seed's defects."""

from __future__ import annotations

import math
from typing import Any

import pytest

from quantsail_framework import Breach
from quantsail_framework.testing import markets
from quantsail_framework.testing.fakes import FakeMarket, FakePortfolio, entry_order, position, reference, request
from quantsail_risk.daily_loss import MaxDailyLoss
from quantsail_risk.limits import MaxConcurrentPositions, MaxDailyTrades, MaxExposure

MARKET = FakeMarket(markets.random_walk(0, 10))


def check(rule: Any, account: FakePortfolio, **asked: Any) -> Breach | None:
    answer: Breach | None = rule.check(request(**asked), account, MARKET)
    return answer


def test_concurrent_positions_up_to_the_limit() -> None:
    held = {name: position(symbol=name) for name in ("A/USDT", "B/USDT")}
    assert check(MaxConcurrentPositions(limit=3), FakePortfolio(positions=held)) is None
    breach = check(MaxConcurrentPositions(limit=2), FakePortfolio(positions=held))
    assert breach == Breach("positions open or waiting: 2, the limit is 2", 2, 2)


def test_d117_an_accepted_entry_counts_before_it_fills() -> None:
    account = FakePortfolio(positions={"A/USDT": position()}, pending={"B/USDT": entry_order()})
    assert check(MaxConcurrentPositions(limit=2), account) is not None
    assert check(MaxConcurrentPositions(limit=3), account) is None


def test_daily_trades_up_to_the_limit() -> None:
    assert check(MaxDailyTrades(limit=5), FakePortfolio(trades_today=4)) is None
    breach = check(MaxDailyTrades(limit=5), FakePortfolio(trades_today=5))
    assert breach == Breach("entries accepted today: 5, the limit is 5", 5, 5)


def test_exposure_with_the_candidate_up_to_the_limit() -> None:
    # 50 % of 8,000 is 4,000: with 3,500 held there is room for 500 and not for more.
    account = FakePortfolio(equity=8_000.0, exposure=3_500.0)
    assert check(MaxExposure(pct=50.0), account, quantity=5.0, price=100.0) is None
    breach = check(MaxExposure(pct=50.0), account, quantity=5.01, price=100.0)
    assert breach is not None
    assert breach.text == "exposure would be 4001.00, the limit is 4000.00"
    assert (breach.limit, breach.value) == (4_000.0, pytest.approx(4_001.0))


def test_exposure_of_a_ruined_account_is_refused() -> None:
    assert check(MaxExposure(pct=50.0), FakePortfolio(equity=-10.0)) is not None


@pytest.mark.parametrize("notional", [math.nan, -100.0, math.inf, 0.0])
def test_d116_a_notional_that_is_no_amount_is_refused(notional: float) -> None:
    breach = check(MaxExposure(pct=50.0), FakePortfolio(), notional=notional)
    assert breach == Breach(f"a notional of {notional} is no order", 5_000.0)


def test_daily_loss_reaches_the_limit() -> None:
    rule = MaxDailyLoss(limit=50.0)
    assert check(rule, FakePortfolio(realised_today=-49.99)) is None
    assert check(rule, FakePortfolio(realised_today=500.0)) is None
    breach = check(rule, FakePortfolio(realised_today=-50.0))
    assert breach == Breach("the day has lost 50.00, the limit is 50.00", 50.0, 50.0)


def test_daily_loss_trips_until_the_trading_day_ends() -> None:
    rule = MaxDailyLoss(limit=50.0)
    account = FakePortfolio(realised_today=-49.99, day_end_ns=123)
    assert rule.watches == ("trades",)
    assert rule.trip(account, MARKET, reference()) is None
    account.realised_today = -60.0
    trip = rule.trip(account, MARKET, reference())
    assert trip is not None
    assert (trip.until_ns, trip.action, trip.symbols) == (123, "refuse", ())
    assert trip.reason == "the day has lost 60.00, the limit is 50.00"


def test_d107_the_account_is_handed_in() -> None:
    for rule in (
        MaxConcurrentPositions(limit=1),
        MaxDailyTrades(limit=1),
        MaxDailyLoss(limit=1.0),
        MaxExposure(pct=50.0),
    ):
        assert check(rule, FakePortfolio()) is None


def test_d112_exposure_adds_up_over_positions() -> None:
    # 150 and 100 held make 250; with 100 more 350 exceed 3 % of 10,000.
    assert check(MaxExposure(pct=3.0), FakePortfolio(exposure=250.0), notional=100.0) is not None
    assert check(MaxExposure(pct=3.0), FakePortfolio(exposure=150.0), notional=100.0) is None


def test_d114_zero_allows_none_everywhere() -> None:
    idle = FakePortfolio()
    assert check(MaxConcurrentPositions(limit=0), idle) is not None
    assert check(MaxDailyTrades(limit=0), idle) is not None
    assert check(MaxExposure(pct=0.0), idle) is not None
    assert check(MaxDailyLoss(limit=0.0), idle) is not None


def test_d115_open_losses_count_when_asked_for_and_open_profits_never() -> None:
    account = FakePortfolio(realised_today=-30.0, unrealised=-25.0)
    assert check(MaxDailyLoss(limit=50.0), account) is None
    rule = MaxDailyLoss(limit=50.0, include_open=True)
    assert rule.watches == ("trades", "equity")
    breach = check(rule, account)
    assert breach is not None
    assert breach.value == pytest.approx(55.0)
    account.unrealised, account.realised_today = 100.0, -50.0
    assert check(rule, account) is not None


def test_d115_flatten_is_an_action() -> None:
    rule = MaxDailyLoss(limit=50.0, include_open=True, action="flatten")
    trip = rule.trip(FakePortfolio(realised_today=0.0, unrealised=-51.0), MARKET, reference())
    assert trip is not None
    assert trip.action == "flatten"
    with pytest.raises(ValueError, match="'action' must be in"):
        MaxDailyLoss(limit=50.0, action="stop")  # type: ignore[arg-type]


@pytest.mark.parametrize("rule", [MaxConcurrentPositions, MaxDailyTrades, MaxDailyLoss, MaxExposure])
def test_d118_every_limit_must_be_given_and_possible(rule: type) -> None:
    option = "pct" if rule is MaxExposure else "limit"
    with pytest.raises(TypeError, match=option):
        rule()
    with pytest.raises(ValueError, match=f"'{option}' must be >= 0"):
        rule(**{option: -1})


@pytest.mark.parametrize("rule", [MaxConcurrentPositions, MaxDailyTrades])
def test_counts_are_whole_numbers(rule: type) -> None:
    with pytest.raises(TypeError, match="limit"):
        rule(limit=2.5)
