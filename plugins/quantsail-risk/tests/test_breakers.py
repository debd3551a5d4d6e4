"""Breakers at, below and above their edge, for how long they hold, and the texts that users read."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from quantsail_framework import Bars, Breach, Timeframe, Trip, indicators
from quantsail_framework.testing import markets
from quantsail_framework.testing.fakes import FakeMarket, FakePortfolio, reference, request, trade
from quantsail_risk.breakers import END_OF_TIME_NS
from quantsail_risk.daily_loss import MaxDailyLoss
from quantsail_risk.daily_target import DailyTarget
from quantsail_risk.drawdown import MaxDrawdown
from quantsail_risk.losses import Cooldown, MaxConsecutiveLosses, StopLossGuard
from quantsail_risk.volatility import VolatilitySpike

BARS = markets.random_walk(0, 200, "1h")
MARKET = FakeMarket(BARS)
NOW = MARKET.now_ns
HOUR = 3_600_000_000_000
PAUSE = Timeframe("2h")


def closed(*results: float, ago: int = 1, reason: str = "stop", symbol: str = "TEST/USDT") -> list[Any]:
    """Trades with these results that ended in the bar that closed ``ago`` - 1 hours ago."""
    return [trade(net_pnl=result, exit_time=NOW - ago * HOUR, exit_reason=reason, symbol=symbol) for result in results]


def trip(rule: Any, trades: list[Any] | None = None, seen: Any = None, market: Any = MARKET, **figures: Any) -> Any:
    account = FakePortfolio(trades=trades or [], **figures)
    assert rule.check(request(), account, market) is None  # while it is not tripped
    return rule.trip(account, market, seen or reference())


# -- for how long


@pytest.mark.parametrize("length, until", [(PAUSE, NOW + 2 * HOUR), ("day", NOW + 5), ("run", END_OF_TIME_NS)])
@pytest.mark.parametrize(
    "make",
    [
        lambda length: MaxConsecutiveLosses(limit=1, duration=length),
        lambda length: StopLossGuard(limit=1, window=PAUSE, duration=length),
        lambda length: MaxDrawdown(pct=5.0, duration=length),
        lambda length: Cooldown(duration=length, scope="all"),
    ],
)
def test_a_trip_lasts_a_length_the_day_or_the_run(make: Any, length: Any, until: int) -> None:
    answer = trip(make(length), closed(-1.0), equity=9_000.0, day_end_ns=NOW + 5)
    (only,) = answer if isinstance(answer, list) else [answer]
    assert (only.until_ns, only.symbols) == (until, ())


@pytest.mark.parametrize(
    "rule",
    [
        MaxConsecutiveLosses(limit=1, action="flatten"),
        StopLossGuard(limit=1, window=PAUSE, action="flatten"),
        MaxDrawdown(pct=5.0, action="flatten"),
        DailyTarget(target=1.0, action="flatten"),
        MaxDailyLoss(limit=1.0, action="flatten"),
        Cooldown(duration=PAUSE, scope="all", action="flatten"),
        VolatilitySpike(duration=PAUSE, atr_period=2, action="flatten"),
    ],
)
def test_d115_flatten_is_an_action_of_every_breaker(rule: Any) -> None:
    wild = FakeMarket(spiky((90.0, 110.0)))
    lost = trade(net_pnl=-1.0, exit_time=wild.now_ns - HOUR, exit_reason="stop")
    earned = -5.0 if isinstance(rule, MaxDailyLoss) else 5.0
    answer = rule.trip(FakePortfolio(trades=[lost], equity=9_000.0, realised_today=earned), wild, reference())
    (only,) = answer if isinstance(answer, list) else [answer]
    assert only.action == "flatten"


def test_a_cooldown_flattens_all_markets_or_none() -> None:
    with pytest.raises(ValueError, match='flatten needs scope = "all": a market that has just lost holds nothing'):
        Cooldown(duration=PAUSE, action="flatten")


# -- max-drawdown


def test_drawdown_is_measured_from_the_peak() -> None:
    # From 12,000 down to 10,800 is exactly 10 %.
    rule, peak = MaxDrawdown(pct=10.0), reference(peak=12_000.0)
    assert rule.watches == ("equity",)
    assert trip(rule, seen=peak, equity=10_800.01) is None
    answer = trip(rule, seen=peak, equity=10_800.0)
    assert answer.reason == "equity has fallen 10.00 % from its peak 12000.00, the limit is 10 %"
    assert (answer.limit, answer.value) == (10.0, pytest.approx(10.0))
    assert trip(rule, seen=peak, equity=-50.0).value == pytest.approx(100.0 + 50.0 / 120.0)


def test_after_a_trip_the_peak_is_the_equity_then() -> None:
    rule = MaxDrawdown(pct=10.0, duration=PAUSE)
    assert trip(rule, seen=reference(peak=10_800.0), equity=10_800.0) is None
    assert trip(rule, seen=reference(peak=10_800.0), equity=9_720.0) is not None


# -- max-consecutive-losses


@pytest.mark.parametrize(
    "results, losses",
    [
        ((-1.0, -1.0, -1.0), 3),
        ((5.0, -1.0, -1.0, -1.0, -1.0), 4),
        ((-1.0, -1.0, 5.0, -1.0), None),
        ((-1.0, -1.0, -1.0, 5.0), None),
        ((-1.0, -1.0, 0.0, -1.0), None),  # a break-even trade is no loss: the row ends
        ((), None),
    ],
)
def test_losses_in_a_row(results: tuple[float, ...], losses: int | None) -> None:
    answer = trip(MaxConsecutiveLosses(limit=3), closed(*results))
    if losses is None:
        assert answer is None
    else:
        assert answer.reason == f"trades lost in a row: {losses}, the limit is 3"
        assert (answer.limit, answer.value) == (3, losses)


def test_losses_before_the_last_trip_expired_do_not_count() -> None:
    rule, trades = MaxConsecutiveLosses(limit=2), closed(-1.0, -1.0, -1.0)
    assert trip(rule, trades, reference(trades=2)) is None
    assert trip(rule, trades, reference(trades=1)) is not None
    assert trip(rule, trades, reference(trades=3)) is None


# -- stop-loss-guard


def test_stop_losses_of_the_window_count() -> None:
    rule = StopLossGuard(limit=3, window=Timeframe("4h"))
    inside = [*closed(-1.0, ago=4), *closed(-1.0, ago=2, reason="trailing_stop"), *closed(-1.0)]
    answer = trip(rule, inside)
    assert answer.reason == "stop-losses within 4h: 3, the limit is 3"
    assert (answer.limit, answer.value) == (3, 3)
    assert trip(rule, [*closed(-1.0, ago=5), *inside[1:]]) is None


@pytest.mark.parametrize("other", [{"reason": "signal"}, {"reason": "time"}, {"reason": "flatten"}])
def test_other_exits_are_no_stop_losses(other: dict[str, str]) -> None:
    rule = StopLossGuard(limit=2, window=PAUSE)
    assert trip(rule, [*closed(-1.0), *closed(-1.0, **other)]) is None


def test_a_stop_that_won_is_no_stop_loss() -> None:
    rule = StopLossGuard(limit=2, window=PAUSE)
    assert trip(rule, [*closed(-1.0), *closed(3.0, 0.0, reason="trailing_stop")]) is None


def test_stop_losses_before_the_last_trip_expired_do_not_count() -> None:
    rule = StopLossGuard(limit=2, window=PAUSE)
    assert trip(rule, closed(-1.0, -1.0, -1.0), reference(trades=2)) is None
    assert trip(rule, closed(-1.0, -1.0, -1.0), reference(trades=1)) is not None


# -- cooldown


def test_the_markets_that_lost_in_this_bar_pause() -> None:
    trades = [
        *closed(-9.0, ago=2, symbol="OLD/USDT"),
        *closed(-5.0, symbol="A/USDT"),
        *closed(7.0, symbol="B/USDT"),
        *closed(0.0, symbol="C/USDT"),
        *closed(-2.5, symbol="D/USDT"),
    ]
    until = NOW + 2 * HOUR
    assert trip(Cooldown(duration=PAUSE), trades) == [
        Trip(until, "A/USDT has lost 5.00: a pause follows", symbols=("A/USDT",), value=5.0),
        Trip(until, "D/USDT has lost 2.50: a pause follows", symbols=("D/USDT",), value=2.5),
    ]
    assert trip(Cooldown(duration=PAUSE, scope="all"), trades) == [
        Trip(until, "D/USDT has lost 2.50: a pause follows", value=2.5)
    ]


@pytest.mark.parametrize("trades", [[], closed(3.0), closed(-3.0, ago=2)])
@pytest.mark.parametrize("scope", ["symbol", "all"])
def test_without_a_loss_in_this_bar_nothing_pauses(trades: list[Any], scope: Any) -> None:
    assert trip(Cooldown(duration=PAUSE, scope=scope), trades) == []


# -- daily-target


def test_the_day_ends_when_it_has_earned_the_target() -> None:
    rule = DailyTarget(target=50.0)
    assert rule.watches == ("trades",)
    assert trip(rule, realised_today=49.99, unrealised=100.0) is None
    answer = trip(rule, realised_today=50.0, day_end_ns=NOW + 7)
    text = "the day has earned 50.00, the target is 50.00"
    assert answer == Trip(NOW + 7, text, limit=50.0, value=50.0, kind="daily_target")


def test_open_positions_count_when_asked_for_with_profit_and_loss() -> None:
    rule = DailyTarget(target=50.0, include_open=True)
    assert rule.watches == ("trades", "equity")
    assert trip(rule, realised_today=30.0, unrealised=20.0).value == pytest.approx(50.0)
    assert trip(rule, realised_today=60.0, unrealised=-20.0) is None


# -- volatility-spike


def spiky(last: tuple[float, float], size: int = 60) -> Bars:
    """Bars that span 2 around 100, then one that spans from ``last[0]`` to ``last[1]``. Their ATR is 2."""
    close = np.full(size, 100.0)
    high, low = close + 1.0, close - 1.0
    low[-1], high[-1] = last
    return Bars("TEST/USDT", Timeframe("1h"), np.arange(size) * HOUR, close, high, low, close, np.ones(size))


SPIKE = VolatilitySpike(duration=PAUSE, atr_multiple=3.0, atr_period=2)


def test_a_bar_that_spans_more_than_so_many_atr_trips_its_market() -> None:
    # 3 * 2 = 6 is allowed, 6.01 is not. The bar itself is not in its own yardstick.
    assert trip(SPIKE, market=FakeMarket(spiky((97.0, 103.0)))) == []
    market = FakeMarket(spiky((96.99, 103.0)))
    (answer,) = trip(SPIKE, market=market)
    assert (answer.until_ns, answer.symbols) == (market.now_ns + 2 * HOUR, ("TEST/USDT",))
    assert answer.reason == "a bar of TEST/USDT spans 6.01, more than 3 x ATR = 6"
    assert (answer.limit, answer.value) == (pytest.approx(6.0), pytest.approx(6.01))


def test_only_the_market_that_spiked_trips_and_only_at_its_own_bar() -> None:
    calm, wild = spiky((99.0, 101.0)), spiky((90.0, 110.0))
    both = {"TEST/USDT": wild, "B/USDT": calm}
    assert [each.symbols for each in trip(SPIKE, market=FakeMarket(both))] == [("TEST/USDT",)]
    late = FakeMarket(both, int(wild.time[-1]) + 2 * HOUR)  # the next close: neither has a bar there
    assert SPIKE.trip(FakePortfolio(), late, reference()) == []


def test_too_few_bars_refuse_entries_and_trip_nothing() -> None:
    # The ATR(2) of the bar before has settled once 40 bars have closed before this one.
    assert SPIKE.warmup == 40
    short = FakeMarket(spiky((90.0, 110.0), size=40))
    breach = SPIKE.check(request(), FakePortfolio(), short)
    assert breach == Breach("40 bars of TEST/USDT have closed, 41 are needed", 41, 40, rule="not_ready")
    assert SPIKE.trip(FakePortfolio(), short, reference()) == []
    assert SPIKE.trip(FakePortfolio(), FakeMarket(spiky((90.0, 110.0), size=41)), reference()) != []


def test_spikes_are_those_of_the_atr_over_the_whole_history() -> None:
    """Bar by bar against TA-Lib's ATR over all bars: the rule sees a window of them and takes a short cut."""
    bars = markets.crash(4, 900)
    rule = VolatilitySpike(duration=PAUSE, atr_multiple=1.5)
    atr = indicators.atr(bars, 14)
    wide = [k for k in range(rule.warmup, 900) if bars.high[k] - bars.low[k] > 1.5 * atr[k - 1]]
    moments = ((k, FakeMarket(bars, int(bars.time[k]) + bars.timeframe.ns)) for k in range(rule.warmup, 900))
    found = [k for k, market in moments if rule.trip(FakePortfolio(), market, reference())]
    assert found == wide
    assert 20 < len(wide) < 300


# -- options


@pytest.mark.parametrize(
    "make",
    [
        lambda: MaxDrawdown(pct=0.0),
        lambda: MaxDrawdown(pct=100.1),
        lambda: MaxConsecutiveLosses(limit=0),
        lambda: StopLossGuard(limit=0, window=PAUSE),
        lambda: DailyTarget(target=0.0),
        lambda: VolatilitySpike(duration=PAUSE, atr_multiple=0.0),
        lambda: VolatilitySpike(duration=PAUSE, atr_period=0),
        lambda: Cooldown(duration=PAUSE, scope="some"),  # type: ignore[arg-type]
        lambda: MaxDrawdown(pct=5.0, action="stop"),  # type: ignore[arg-type]
    ],
)
def test_d118_every_option_must_be_possible(make: Any) -> None:
    with pytest.raises(ValueError, match="must be"):
        make()


@pytest.mark.parametrize("length", ["soon", "4x", 3600, None])
def test_a_duration_is_a_length_the_day_or_the_run(length: Any) -> None:
    with pytest.raises(ValueError, match="satisfied"):
        Cooldown(duration=length)


@pytest.mark.parametrize("rule", [MaxDrawdown, MaxConsecutiveLosses, StopLossGuard, DailyTarget, Cooldown])
def test_d118_what_has_no_usual_value_must_be_given(rule: type) -> None:
    with pytest.raises(TypeError, match="missing"):
        rule()
