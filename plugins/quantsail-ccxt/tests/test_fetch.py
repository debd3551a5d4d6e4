"""What a user sees of a fetch that goes well: the truth in the store, once, with the rules of the market."""

from __future__ import annotations

import asyncio
import itertools
import json
import socket
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from quantsail_ccxt import collect
from quantsail_ccxt.client import connect
from quantsail_ccxt.clock import SystemClock
from quantsail_ccxt.pace import Pace
from quantsail_framework.domain.bars import Bars
from quantsail_framework.domain.instrument import Instrument
from quantsail_framework.domain.timeframe import Timeframe
from quantsail_framework.store import Store
from tests.exchanges.bench import HOUR, LATER_MS, START, Bench, same, without
from tests.exchanges.binance import Binance
from tests.exchanges.clock import FakeClock
from tests.exchanges.pins import addresses, pinned
from tests.exchanges.server import Answer, Call, LoopbackExchange, walk_truth

Benches = Callable[..., Bench]
Dialect = type[LoopbackExchange]
DAYS_2023_MS = 1_704_067_200_000 + 86_400_000


def test_a_year_of_hours(bench: Benches, dialect: Dialect) -> None:
    one = bench(dialect, walk_truth("BTC/USDT", "1h", 8_760, START), now_ms=DAYS_2023_MS)
    fetched = one.fetch()
    assert (fetched.new, fetched.stored, fetched.error) == (8_760, 8_760, "")
    assert same(one.stored(), one.truth)
    assert len(one.exchange.calls()) == 9


def test_three_days_of_minutes(bench: Benches, dialect: Dialect) -> None:
    one = bench(dialect, walk_truth("BTC/USDT", "1m", 4_320, START))
    one.fetch()
    assert same(one.stored(), one.truth)


def test_weeks_open_on_mondays(bench: Benches, dialect: Dialect) -> None:
    monday = START + 24 * HOUR  # 2 January 2023
    one = bench(dialect, walk_truth("BTC/USDT", "1w", 60, monday))
    assert one.fetch(one.request(None, None)).stored == 60
    assert same(one.stored(one.request(None, None)), one.truth)


def test_a_quarter_of_real_five_minutes(bench: Benches, dialect: Dialect, shared_data: Path) -> None:
    """With the halt of 24 March 2023 in it: 14 bars without volume, then 16 that are missing."""
    table = pq.ParquetFile(shared_data / "ohlcv" / "binance" / "BTC_USDT-5m.parquet").read()
    time = np.asarray(table["timestamp"].cast("int64")) * 1_000_000
    columns = [np.asarray(table[name]) for name in ("open", "high", "low", "close", "volume")]
    whole = Bars("BTC/USDT", Timeframe("5m"), time, *columns)
    truth = whole.slice(whole.index_at(START), whole.index_at(START + 90 * 24 * HOUR))
    one = bench(dialect, truth)
    fetched = one.fetch()
    assert (fetched.stored, fetched.error) == (90 * 288 - 16, "")
    assert same(one.stored(), truth)


def test_the_rules_of_the_market_are_exact(bench: Benches, dialect: Dialect) -> None:
    one = bench(dialect)
    lot, least = {"binance": ("0.00001", 5.0), "bybit": ("0.000001", 1.0)}[dialect.name]
    expected = {"BTC/USDT": Instrument("BTC/USDT", Decimal("0.01"), Decimal(lot), least)}
    assert one.collector.instruments(["BTC/USDT", "NOSUCH/USDT"]) == expected
    asked = len(one.exchange.journal)
    assert one.collector.instruments(["BTC/USDT"]) == expected
    assert len(one.exchange.journal) == asked  # they are stored


def test_the_rules_of_recorded_markets(bench: Benches, shared_data: Path) -> None:
    """Every market of a recorded exchangeInfo has the tick, lot and smallest notional of its filters, as decimals."""
    recorded = json.loads((shared_data / "exchange-fixtures" / "binance" / "exchangeInfo.json").read_text("utf-8"))
    one = bench()
    one.exchange.fault("markets", Answer(recorded))
    expected = {}
    for market in recorded["symbols"]:
        rules = {each["filterType"]: each for each in market["filters"]}
        symbol = f"{market['baseAsset']}/{market['quoteAsset']}"
        tick, lot = Decimal(rules["PRICE_FILTER"]["tickSize"]), Decimal(rules["LOT_SIZE"]["stepSize"])
        expected[symbol] = Instrument(symbol, tick, lot, float(rules["NOTIONAL"]["minNotional"]))
    assert len(expected) == 23
    assert one.collector.instruments(list(expected)) == expected


def test_what_is_stored_is_not_asked_for_again(bench: Benches, dialect: Dialect) -> None:
    one = bench(dialect)
    one.fetch(one.request(500, 700))
    one.fetch(one.request(1_000, 1_100))
    one.exchange.journal.clear()
    assert one.fetch(one.request(400, 1_200)).new == 500
    assert one.sinces() == [400, 700, 1_100]
    one.exchange.journal.clear()
    assert one.fetch(one.request(400, 1_200)).new == 0
    assert one.exchange.journal == []


def test_the_same_series_twice_in_one_call(bench: Benches, dialect: Dialect) -> None:
    one = bench(dialect)
    fetched = one.collector.fetch([one.request(0, 2_000), one.request(1_000, 3_000)])
    assert [each.stored for each in fetched] == [2_000, 2_000]
    assert one.sinces() == [0, 1_000, 2_000]


def test_warm_up_counts_bars_across_gaps(bench: Benches, dialect: Dialect) -> None:
    one = bench(dialect, without(walk_truth("BTC/USDT", "1h", 3_500, START), (2_700, 2_990), (100, 2_600)))
    request = one.request(3_000, 3_100, warmup=150)
    bars = next(one.collector.bars([request]))
    assert len(bars) == 250  # 10 bars after the younger gap, 100 between the two, 40 before the older
    assert int(bars.time[0]) == START + 60 * HOUR
    one.exchange.journal.clear()
    assert same(next(one.collector.bars([request])), bars)
    assert one.exchange.journal == []


def test_a_warm_up_does_not_jump_over_time_that_was_never_fetched(bench: Benches, dialect: Dialect) -> None:
    one = bench(dialect)
    one.fetch(one.request(0, 200))
    one.fetch(one.request(2_000, 2_100))
    request = one.request(2_000, 2_100, warmup=50)
    for _ in range(2):
        assert same(next(one.collector.bars([request])), one.truth.slice(1_950, 2_100))
    assert one.sinces()[2:] == [1_950]
    one.fetch(one.request(1_900, 1_930))
    one.exchange.journal.clear()
    longer = one.request(2_000, 2_100, warmup=120)
    assert same(next(one.collector.bars([longer])), one.truth.slice(1_880, 2_100))
    assert sorted(one.sinces()) == [1_880, 1_930]


def test_a_warm_up_that_could_not_be_fetched_is_no_older_one(bench: Benches) -> None:
    one = bench()
    one.fetch(one.request(0, 200))
    one.fetch(one.request(2_000, 2_100))
    one.exchange.fault("candles", Answer({}, 503))
    (fetched,) = one.collector.fetch([one.request(2_000, 2_100, warmup=50)])
    assert (fetched.stored, bool(fetched.error)) == (100, True)


def test_a_warm_up_that_the_venue_does_not_have(bench: Benches, dialect: Dialect) -> None:
    one = bench(dialect)
    request = one.request(50, 100, warmup=400)
    assert len(next(one.collector.bars([request]))) == 100
    assert len(one.exchange.calls()) < 60
    one.exchange.journal.clear()
    assert len(next(one.collector.bars([request]))) == 100
    assert one.exchange.journal == []


def test_progress_is_told_after_the_write(bench: Benches, dialect: Dialect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collect, "FLUSH_ROWS", 1_500)
    one = bench(dialect)
    told: list[tuple[int, int]] = []

    def progress(request: Any, stored: int, of: int) -> None:
        assert len(Store(one.root).bars(one.exchange.name, request)) == stored
        told.append((stored, of))

    one.collector.fetch([one.whole()], progress)
    assert told == [(2_000, 3_500), (3_500, 3_500)]


def test_slow_pages_are_written_after_some_seconds(bench: Benches) -> None:
    one = bench(rateLimit=20_000)  # a page costs 0.4 units: 8 s
    one.fetch()
    assert [stored for stored, _ in one.told] == [2_000, 3_000, 3_500]


def test_at_most_four_series_at_once(bench: Benches) -> None:
    names = [f"{letter}/USDT" for letter in "ABCDEFGH"]
    one = bench(Binance, *[walk_truth(name, "1h", 2_500, START, seed=ord(name[0])) for name in names])
    one.collector.fetch([one.request(0, 2_500, name) for name in names])
    order = [call.params["symbol"] for call in one.exchange.calls()]
    begun = {symbol: order.index(symbol) for symbol in order}
    ended = {symbol: len(order) - 1 - order[::-1].index(symbol) for symbol in order}
    running = [sum(begun[name] <= at <= ended[name] for name in begun) for at in range(len(order))]
    assert max(running) == 4


def test_one_series_is_not_held_up_by_an_exchange_that_takes_its_time(bench: Benches, dialect: Dialect) -> None:
    """Ten pages of 250 ms each: once it is clear that pages are full, four are on their way at the same time."""
    one = bench(dialect, walk_truth("BTC/USDT", "1h", 10_000, START))
    one.exchange.fault("candles", lambda call, answer: Answer(answer.body, delay_s=0.25))
    at_once: list[int] = []

    def noted(call: Call, answer: Answer) -> Answer:
        at_once.append(one.exchange.answering)
        return answer

    one.exchange.fault("candles", noted)
    one.ahead = None
    one.fetch()
    assert same(one.stored(), one.truth)
    assert max(at_once) == 4
    assert sorted(one.sinces()) == list(range(0, 10_000, 1_000))  # and no page is asked for twice


def test_it_works_where_a_loop_is_running(bench: Benches, dialect: Dialect) -> None:
    one = bench(dialect)

    async def cell() -> int:
        return one.fetch().stored

    assert asyncio.run(cell()) == 3_500


def test_where_a_venue_gives_candles_in_no_page_that_it_should(bench: Benches) -> None:
    """Pages of a single candle are slow, not endless."""
    one = bench(Binance, walk_truth("BTC/USDT", "1h", 40, START))
    one.exchange.page = 1
    assert one.fetch().stored == 40
    assert len(one.exchange.calls()) == 40


def test_the_source_is_named_in_the_store(bench: Benches) -> None:
    one = bench()
    one.fetch()
    entry = Store(one.root).entry("binance", "BTC/USDT", Timeframe("1h"))
    assert entry is not None
    assert entry.parts[0].source.startswith("binance, by ccxt 4.")
    assert entry.parts[0].fetched_ns // 1_000_000_000 == LATER_MS // 1_000


@pytest.fixture
def pace(tmp_path: Path) -> Pace:
    return Pace(SystemClock(), tmp_path / "held.json")


def test_every_address_of_the_client_is_on_this_machine(dialect: Dialect, pace: Pace) -> None:
    async def known() -> list[str]:
        client = connect(dialect.name, pinned(dialect.name, "http://127.0.0.1:7"), pace)
        await client.close()
        return [text for text in addresses(client.urls) if "://" in text]

    found = asyncio.run(known())
    assert len(found) >= 15
    assert {text.partition("://")[2].partition("/")[0] for text in found} == {"127.0.0.1:7"}


def test_a_test_that_reaches_out_fails(dialect: Dialect) -> None:
    with pytest.raises(pytest.fail.Exception, match="reaches out"), socket.socket() as line:
        line.connect(("192.0.2.1", 443))
    with pytest.raises(pytest.fail.Exception, match="looks up"):
        socket.getaddrinfo("api.example.com", 443)


def test_turns_are_taken_one_after_the_other(tmp_path: Path) -> None:
    clock = FakeClock(1_000)
    pace = Pace(clock, tmp_path / "held.json")
    turns: list[float] = []

    async def one(cost: float) -> None:
        await pace.wait(cost)
        turns.append(round(clock.monotonic(), 6))

    async def several() -> None:
        for cost in (0.5, 0.5, 2.0, 0.1):
            await one(cost)
        clock.advance(60.0)  # what was not used is not saved up
        for _ in range(3):
            await one(0.5)

    asyncio.run(several())
    assert turns == [1.0, 1.5, 2.0, 4.0, 64.0, 64.5, 65.0]
    assert list(itertools.accumulate(clock.slept)) == pytest.approx([0.5, 1.0, 3.0, 3.5, 4.0])
