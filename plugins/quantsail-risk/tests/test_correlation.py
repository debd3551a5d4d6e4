"""Which markets ``max-correlated-positions`` takes for the same: made series, real ones against pandas, the defects."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
import pytest

from quantsail_framework import Bars, Breach
from quantsail_framework.testing.fakes import FakeMarket, FakePortfolio, entry_order, position, request
from quantsail_risk.correlation import MaxCorrelatedPositions, common_closes, correlation

Candles = Callable[..., Bars]

# Returns +10 %, -10 %, +20 %: a market, one that does the same from another level, and one that does the opposite.
UP = [100.0, 110.0, 99.0, 118.8]
SAME = [50.0, 55.0, 49.5, 59.4]
OPPOSITE = [100.0, 90.0, 99.0, 79.2]


def check(rule: MaxCorrelatedPositions, bars: Sequence[Bars], *, waiting: bool = False) -> Breach | None:
    """The answer about the first market while positions are held (or entries wait) in all others."""
    symbols = [each.symbol for each in bars[1:]]
    held = {name: entry_order(symbol=name) if waiting else position(symbol=name) for name in symbols}
    account = FakePortfolio(pending=held) if waiting else FakePortfolio(positions=held)
    market = FakeMarket({each.symbol: each for each in bars})
    answer = rule.check(request(symbol=bars[0].symbol), account, market)
    assert answer is None or isinstance(answer, Breach)
    return answer


def test_the_same_moves_count_and_opposite_ones_do_not(candles: Candles) -> None:
    rule = MaxCorrelatedPositions(limit=1, window=3, threshold=0.99)
    breach = check(rule, [candles("A/USDT", UP), candles("B/USDT", SAME)])
    assert breach == Breach("markets held that move like A/USDT: 1 (B/USDT), the limit is 1", 1, 1)
    assert check(rule, [candles("A/USDT", UP), candles("C/USDT", OPPOSITE)]) is None


def test_a_waiting_entry_counts_too(candles: Candles) -> None:
    rule = MaxCorrelatedPositions(limit=1, window=3)
    assert check(rule, [candles("A/USDT", UP), candles("B/USDT", SAME)], waiting=True) is not None


def test_correlation_by_hand(candles: Candles) -> None:
    # Returns of one 0.1, -0.1, 0.0 (mean 0), of the other 0.1, 0.0, -0.1 (mean 0): products 0.01, squares 0.02 each,
    # so 0.01 / 0.02 = 0.5.
    one = candles("A/USDT", [100.0, 110.0, 99.0, 99.0])
    other = candles("B/USDT", [100.0, 110.0, 110.0, 99.0])
    assert correlation(one.close, other.close) == pytest.approx(0.5)
    assert check(MaxCorrelatedPositions(limit=1, window=3, threshold=0.49), [one, other]) is not None
    assert check(MaxCorrelatedPositions(limit=1, window=3, threshold=0.51), [one, other]) is None


def test_the_limit_counts_the_alike_only(candles: Candles) -> None:
    bars = [candles("A/USDT", UP), candles("B/USDT", SAME), candles("C/USDT", OPPOSITE), candles("D/USDT", SAME)]
    assert check(MaxCorrelatedPositions(limit=3, window=3), bars) is None
    breach = check(MaxCorrelatedPositions(limit=2, window=3), bars)
    assert breach is not None
    assert breach.text.startswith("markets held that move like A/USDT: 2 (B/USDT, D/USDT), the limit")


def test_zero_allows_no_entry(candles: Candles) -> None:
    breach = check(MaxCorrelatedPositions(limit=0, window=3), [candles("A/USDT", UP)])
    assert breach == Breach("markets held that move like A/USDT: 0 (none), the limit is 0", 0, 0)


def test_too_few_bars_count_as_correlated(candles: Candles) -> None:
    opposite = [candles("A/USDT", UP), candles("C/USDT", OPPOSITE)]
    assert check(MaxCorrelatedPositions(limit=1, window=4), opposite) is not None
    assert check(MaxCorrelatedPositions(limit=1, window=3), opposite) is None


def test_a_price_that_stood_still_counts_as_correlated(candles: Candles) -> None:
    still = candles("B/USDT", [100.0] * 4)
    assert correlation(np.array(UP), still.close) is None
    assert check(MaxCorrelatedPositions(limit=1, window=3), [candles("A/USDT", UP), still]) is not None


def test_bars_are_matched_by_time(candles: Candles) -> None:
    # B misses hours 1 and 4. Common are 0, 2, 3, 5, 6 and 7: the last four of them are 3, 5, 6 and 7.
    one = candles("A/USDT", [10, 11, 12, 13, 14, 15, 16, 17])
    other = candles("B/USDT", [20, 22, 23, 25, 26, 27], hours=[0, 2, 3, 5, 6, 7])
    market = FakeMarket({"A/USDT": one, "B/USDT": other})
    found = common_closes(market, "A/USDT", "B/USDT", 4)
    assert found is not None
    assert [part.tolist() for part in found] == [[13, 15, 16, 17], [23, 25, 26, 27]]
    assert common_closes(market, "A/USDT", "B/USDT", 6) is not None
    assert common_closes(market, "A/USDT", "B/USDT", 7) is None


def test_markets_that_never_trade_at_once_end_the_search(candles: Candles) -> None:
    early = candles("A/USDT", [10.0] * 2_000, hours=range(2_000))
    late = candles("B/USDT", [10.0] * 5, hours=range(5_000, 5_005))
    market = FakeMarket({"A/USDT": early, "B/USDT": late, "C/USDT": candles("C/USDT", [])})
    assert common_closes(market, "A/USDT", "B/USDT", 4) is None
    assert common_closes(market, "B/USDT", "C/USDT", 4) is None


def test_only_closed_bars_are_seen(candles: Candles) -> None:
    bars = {"A/USDT": candles("A/USDT", UP), "C/USDT": candles("C/USDT", OPPOSITE)}
    account = FakePortfolio(positions={"C/USDT": position(symbol="C/USDT")})
    rule = MaxCorrelatedPositions(limit=1, window=3)
    open_still = FakeMarket(bars, now_ns=4 * 3_600_000_000_000 - 1)  # the fourth bar closes a nanosecond later
    assert rule.check(request(symbol="A/USDT"), account, open_still) is not None
    assert rule.check(request(symbol="A/USDT"), account, FakeMarket(bars)) is None


def test_d113_correlation_is_that_of_returns_and_not_of_names(candles: Candles) -> None:
    # What the seed told by the letters: the same asset in another quote, a wrapped one, an inverse one.
    def alike(first: str, second: str, moves: list[float]) -> bool:
        rule = MaxCorrelatedPositions(limit=1, window=3)
        return check(rule, [candles(first, UP), candles(second, moves)]) is not None

    assert alike("ETH/USDT", "ETH/USDC", UP)
    assert alike("BTC/USDT", "WBTC/USDT", SAME)
    assert not alike("BTC/USDT", "BTCDOWN/USDT", OPPOSITE)


@pytest.mark.parametrize("pair", [("ETH/USDT", "BTC/USDT"), ("ADA/USDT", "XRP/USDT"), ("BNB/USDT", "SOL/USDT")])
def test_d113_real_markets_against_pandas(real_bars: Callable[[str], Bars], pair: tuple[str, str]) -> None:
    bars = {symbol: real_bars(symbol) for symbol in pair}
    both = pd.concat([each.to_frame().close for each in bars.values()], axis=1, join="inner", keys=pair)
    wanted = both.pct_change().rolling(100).corr().xs(pair[0], level=1)[pair[1]]
    for row in (100, 1_500, 1_990, 2_000, 5_000, len(both) - 1):  # the halt of 2023-03-24 lies near 1,980
        moment = both.index[row].value + 3_600_000_000_000
        closes = common_closes(FakeMarket(bars, now_ns=moment), *pair, 101)
        assert closes is not None
        assert correlation(*closes) == pytest.approx(wanted.iloc[row], rel=1e-9)
    assert wanted.max() > 0.7


@pytest.mark.parametrize("options", [{"limit": -1}, {"limit": 1, "window": 1}, {"limit": 1, "threshold": 1.1}])
def test_options_must_be_possible(options: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must be"):
        MaxCorrelatedPositions(**options)  # type: ignore[arg-type]


def test_warmup_gives_window_returns() -> None:
    assert MaxCorrelatedPositions(limit=1, window=50).warmup == 50
