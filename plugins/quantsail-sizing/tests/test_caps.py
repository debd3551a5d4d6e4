"""What caps every sizer alike: position, cash and the share of the volume; by hand."""

from __future__ import annotations

import math
from typing import Any

import attrs
import numpy as np
import pytest

from quantsail_framework import Bars, Instrument, Sizing, Timeframe
from quantsail_framework.testing import markets
from quantsail_framework.testing.fakes import FakeMarket, FakePortfolio, signal
from quantsail_sizing.fixed_fractional import FixedFractional
from quantsail_sizing.fixed_notional import FixedNotional
from quantsail_sizing.kelly_fraction import KellyFraction
from quantsail_sizing.volatility_target import VolatilityTarget

# Sizers that would take the whole account but for a cap; each names what bound it.
GREEDY: dict[str, Any] = {
    "risk": FixedFractional(max_risk_per_trade_pct=100.0),
    "notional": FixedNotional(notional=1e9),
    "volatility": VolatilityTarget(target_volatility_pct=1e6, window=2),
    "fallback": KellyFraction(fallback_risk_pct=100.0),
}
HOUR_NS = 3_600_000_000_000


def bars(volumes: list[float]) -> Bars:
    close = 100.0 + np.arange(len(volumes)) % 2
    times = np.arange(len(volumes)) * HOUR_NS
    return Bars("TEST/USDT", Timeframe("1h"), times, close, close, close, close, np.array(volumes))


def size(sizer: Any, account: FakePortfolio | None = None, candles: Bars | None = None, **asked: Any) -> Sizing:
    market = FakeMarket(markets.random_walk(0, 200) if candles is None else candles)
    sizing: Sizing = sizer.size(signal(**asked), Instrument("TEST/USDT"), account or FakePortfolio(), market)
    return sizing


@pytest.mark.parametrize("word", GREEDY)
def test_a_share_of_equity_caps_the_position(word: str) -> None:
    # 25 % of 10,000 at 100: 25 units.
    assert size(attrs.evolve(GREEDY[word], max_position_pct_equity=25.0)) == Sizing(25.0, "position")


@pytest.mark.parametrize("word", GREEDY)
def test_the_available_cash_caps_it(word: str) -> None:
    # 500 available, 20 % kept back: 400 at 100.
    sizer = attrs.evolve(GREEDY[word], cash_buffer_pct=20.0, max_position_pct_equity=100.0)
    assert size(sizer, FakePortfolio(available=500.0)) == Sizing(4.0, "cash")


@pytest.mark.parametrize("word", GREEDY)
def test_d042_a_share_of_the_mean_volume_caps_it(word: str) -> None:
    # The last four bars have 2, 0, 4 and 10: 4 on average, of which 25 % is 1.
    sizer = attrs.evolve(GREEDY[word], max_participation_pct=25.0, participation_window=4)
    assert size(sizer, candles=bars([9e9, 2.0, 0.0, 4.0, 10.0])) == Sizing(1.0, "participation")


@pytest.mark.parametrize("word", GREEDY)
def test_without_any_volume_there_is_no_share_of_it(word: str) -> None:
    sizer = attrs.evolve(GREEDY[word], max_participation_pct=25.0)
    assert size(sizer, candles=bars([0.0, 0.0, 0.0])) == Sizing(0.0, "participation")


def test_without_the_cap_volume_plays_no_part() -> None:
    assert size(FixedNotional(notional=500.0), candles=bars([0.0, 0.0, 0.0])) == Sizing(5.0, "notional")


@pytest.mark.parametrize("word", GREEDY)
def test_the_cap_on_participation_needs_its_window(word: str) -> None:
    plain = GREEDY[word]
    assert attrs.evolve(plain, max_participation_pct=1.0, participation_window=300).warmup == 300
    assert plain.warmup == (2 if word == "volatility" else 0)


@pytest.mark.parametrize("word", GREEDY)
@pytest.mark.parametrize("asked", [{"stop": 100.0}, {"stop": 110.0}, {"price": 0.0, "stop": -5.0}, {"stop": math.nan}])
def test_d104_d105_levels_that_are_none_have_no_size(word: str, asked: dict[str, float]) -> None:
    assert size(GREEDY[word], **asked) == Sizing(0.0, "invalid_levels")


@pytest.mark.parametrize("word", GREEDY)
@pytest.mark.parametrize("figure", ["equity", "available"])
@pytest.mark.parametrize("value", [math.nan, -5.0, 0.0])
def test_d103_an_account_that_is_none_has_no_size(word: str, figure: str, value: float) -> None:
    assert size(GREEDY[word], FakePortfolio(**{figure: value})).quantity == 0.0


@pytest.mark.parametrize("word", GREEDY)
def test_d103_an_infinite_equity_has_no_size(word: str) -> None:
    assert size(GREEDY[word], FakePortfolio(equity=math.inf)).quantity == 0.0


@pytest.mark.parametrize("word", GREEDY)
def test_the_default_notional_is_ten_at_least(word: str) -> None:
    assert GREEDY[word].min_notional == 10.0
