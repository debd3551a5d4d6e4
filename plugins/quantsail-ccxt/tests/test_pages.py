"""Pages and walks alone, without an exchange: any market, any holes, any way to cut pages."""

from __future__ import annotations

import asyncio
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quantsail_ccxt.failures import BrokenAnswerError, GaveUpError
from quantsail_ccxt.pages import Page, Row, checked
from quantsail_ccxt.walk import PATIENCE, Walk

STEP = 60_000


def row(index: int) -> Row:
    return (index * STEP, 10.0, 12.0, 9.0, 11.0, 1.0)


def walked(ask: Any, end: int, limit: int, ahead: int = 0) -> tuple[list[Row], Walk]:
    walk = Walk("here", ask, STEP, end * STEP, STEP, limit, ahead)

    async def go() -> list[Row]:
        return [found async for stretch in walk.stretches() for found in stretch.rows]

    return asyncio.run(go()), walk


@st.composite
def markets(draw: st.DrawFn) -> tuple[list[int], int]:
    """Which bars there are, and the end of the range: stretches of trade and of silence."""
    at, bars = 1, []
    trades = draw(st.booleans())
    for length in draw(st.lists(st.integers(1, 60), min_size=1, max_size=6)):
        bars += range(at, at + length) if trades else []
        at, trades = at + length, not trades
    return bars, at


@settings(max_examples=300, deadline=None)
@given(
    market=markets(),
    limit=st.integers(8, 40),
    gives=st.integers(8, 40),
    shape=st.sampled_from(["first", "window", "overlapping"]),
    reverse=st.booleans(),
    ahead=st.integers(0, 4),
)
def test_a_walk_finds_every_bar_once(
    market: tuple[list[int], int], limit: int, gives: int, shape: str, reverse: bool, ahead: int
) -> None:
    """Silence of less than eight pages hides nothing, and the steps end."""
    bars, end = market
    gives = min(gives, limit) if shape != "window" else limit

    async def ask(since: int) -> Page:
        first = since // STEP - (3 if shape == "overlapping" else 0)
        later = [bar for bar in bars if bar >= first]
        page = [bar for bar in later if bar < first + gives] if shape == "window" else later[: gives + 3]
        return checked([row(bar) for bar in (page[::-1] if reverse else page)], since, end * STEP, STEP)

    found, walk = walked(ask, end, limit, ahead)
    assert found == [row(bar) for bar in bars]
    assert walk._calls <= 2 * (end // 8 + PATIENCE)


@settings(max_examples=100, deadline=None)
@given(start=st.integers(1, 500), hole=st.integers(1, 300), gives=st.integers(8, 100), ahead=st.integers(0, 4))
def test_a_venue_that_gives_less_than_it_says(start: int, hole: int, gives: int, ahead: int) -> None:
    """A page spans less than the limit of 100: neither the first candle nor the end of an outage is missed.

    What follows a silence is found where it lasts as long as the silence did: the steps grow no faster than that.
    """
    bars = [*range(start, start + 300), *range(start + 300 + hole, start + 600 + hole)]

    async def ask(since: int) -> Page:
        first = since // STEP
        return checked([row(bar) for bar in bars if first <= bar < first + gives], since, 2_000 * STEP, STEP)

    found, _ = walked(ask, 2_000, 100, ahead)
    assert found == [row(bar) for bar in bars]


def test_a_long_silence_takes_few_requests() -> None:
    """A million bars of nothing, then ten: 1,000 pages of silence are found out in some forty requests."""
    bars = range(1_000_000, 1_000_010)

    async def ask(since: int) -> Page:
        first = since // STEP
        return checked([row(bar) for bar in bars if first <= bar < first + 1_000], since, 1_000_020 * STEP, STEP)

    found, walk = walked(ask, 1_000_020, 1_000)
    assert found == [row(bar) for bar in bars]
    assert walk._calls < 50


def test_silence_to_the_end_takes_few_requests() -> None:
    async def ask(since: int) -> Page:
        return Page()

    found, walk = walked(ask, 1_000_000, 1_000)
    assert found == []
    assert walk._calls < 25


def test_a_walk_that_gets_nowhere_is_stopped() -> None:
    async def ask(since: int) -> Page:
        return Page([row(since // STEP)])

    walk = Walk("here", ask, STEP, 3_000 * STEP, STEP, 1_000)
    walk._calls = 1_000 + 4 * 3_000

    async def go() -> None:
        async for _ in walk.stretches():
            pass

    with pytest.raises(GaveUpError, match=r"^here: 13001 requests for 2 pages of candles; something is wrong"):
        asyncio.run(go())


def test_a_page_is_sorted_and_cut() -> None:
    page = checked([row(5), row(3), row(4), row(9), row(4)], 4 * STEP, 8 * STEP, STEP)
    assert page == Page([row(4), row(5)], beyond=True)
    assert checked([row(1)], 4 * STEP, 8 * STEP, STEP) == Page([], stale=True)
    assert checked([], 4 * STEP, 8 * STEP, STEP) == Page([])


@pytest.mark.parametrize(
    "answer",
    [None, {}, "text", [None], ["abcdef"], [[1, 2, 3]], [[None, 1, 1, 1, 1, 1]], [[1.5, 1, 1, 1, 1, 1]], [[True] * 6]],
)
def test_what_is_no_list_of_candles(answer: Any) -> None:
    with pytest.raises(BrokenAnswerError):
        checked(answer, 0, 8 * STEP, STEP)


@given(
    prices=st.lists(st.floats() | st.none() | st.text(max_size=3), min_size=4, max_size=4),
    volume=st.floats() | st.none(),
)
def test_whatever_passes_is_a_candle(prices: list[Any], volume: float | None) -> None:
    page = checked([[STEP, *prices, volume]], 0, 8 * STEP, STEP)
    if page.rows:
        (_, opened, high, low, close, traded) = page.rows[0]
        assert 0.0 < low <= min(opened, close) <= max(opened, close) <= high < math.inf
        assert 0.0 <= traded < math.inf
    else:
        assert page.fault
        assert page.fault_ms == STEP


def test_days_may_open_at_another_hour_than_midnight_but_all_at_the_same() -> None:
    day = 86_400_000
    sixteen = [(16 * 3_600_000 + index * day, 10.0, 12.0, 9.0, 11.0, 1.0) for index in range(3)]
    assert checked(sixteen, 0, 9 * day, day) == Page(sixteen)
    odd = (sixteen[-1][0] + 3_600_000, *sixteen[-1][1:])
    assert checked([*sixteen[:-1], odd], 0, 9 * day, day).fault == "it opens where no bar of this timeframe does"
