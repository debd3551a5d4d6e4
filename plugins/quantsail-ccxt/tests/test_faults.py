"""Faults of exchanges and of the way to them: the truth in the end, or an error; what came is kept and gone on from."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from quantsail_ccxt.collect import GRACE_MS
from quantsail_ccxt.venue import TRIES
from quantsail_framework.domain.timeframe import Timeframe
from quantsail_framework.store import Store
from tests.exchanges.bench import HOUR, START, Bench, same, without
from tests.exchanges.binance import refused
from tests.exchanges.bybit import Bybit
from tests.exchanges.server import Answer, Call, Fault, LoopbackExchange, changed, walk_truth

Benches = Callable[..., Bench]
Dialect = type[LoopbackExchange]

TOO_MANY = refused(-1003, "Too much request weight used.", 429, Retry_After="7")
BANNED = refused(-1003, "Way too much request weight used; IP banned.", 418, Retry_After="120")


def with_rows(change: Callable[[list[Any]], list[Any]]) -> Fault:
    """The same answer with its candles changed; they are oldest first for ``change`` in either dialect."""

    def act(call: Call, answer: Answer) -> Answer:
        body = json.loads(json.dumps(answer.body))
        if isinstance(body, list):
            return Answer(change(body))
        body["result"]["list"] = [[str(candle[0]), *candle[1:]] for candle in change(body["result"]["list"][::-1])][
            ::-1
        ]
        return Answer(body)

    return act


def one_row(row: int, **values: Any) -> Fault:
    """The answer with other values in one of its candles."""
    return with_rows(lambda rows: [*rows[:row], changed(**values)(rows[row]), *rows[row + 1 :]])


# --- limits and bans ---------------------------------------------------------------------------


def test_f01_retry_after_holds_back_every_series(bench: Benches, dialect: Dialect) -> None:
    names = ("ADA/USDT", "BTC/USDT", "ETH/USDT")
    one = bench(dialect, *[walk_truth(name, "1h", 2_500, START, seed=len(name)) for name in names])
    one.exchange.fault("candles", TOO_MANY, [4])
    fetched = one.collector.fetch([one.request(0, 2_500, name) for name in names])
    assert [(each.stored, each.error) for each in fetched] == [(2_500, "")] * 3
    assert len(one.exchange.calls()) == 10
    # What was under way when the answer came may still arrive; then nothing for seven seconds.
    assert np.diff(one.exchange.seconds).max() >= 6.9
    assert sum(np.diff(one.exchange.seconds) > 1.0) == 1
    for name, bars in zip(names, one.exchange.truth.values(), strict=True):
        assert same(one.stored(one.request(0, 2_500, name)), bars)


def test_f01_a_date_as_retry_after(bench: Benches) -> None:
    one = bench(now_ms=1_700_000_000_000)
    date = "Tue, 14 Nov 2023 22:14:20 GMT"  # 60 s after 1,700,000,000
    one.exchange.fault("candles", refused(-1003, "later", 429, Retry_After=date), [1])
    assert one.fetch().error == ""
    refused_at, again_at = one.exchange.seconds[2:4]
    assert refused_at < 1_700_000_001
    assert again_at == pytest.approx(1_700_000_060, abs=0.01)


def test_f01_limits_that_never_end_are_an_error(bench: Benches, dialect: Dialect) -> None:
    one = bench(dialect)
    one.exchange.fault("candles", TOO_MANY, range(3, 1_000))
    fetched = one.fetch()
    assert fetched.error.endswith(
        f"(HTTP 429, code -1003) after {TRIES} tries; what came is stored, call again to go on"
    )
    assert fetched.stored == 2_000
    one.exchange.heal()
    assert one.fetch().new == 1_500
    assert one.sinces()[-2:] == [2_000, 3_000]
    assert same(one.stored(), one.truth)


def test_f01_a_limit_that_is_told_with_status_200(bench: Benches) -> None:
    one = bench(Bybit)
    one.exchange.fault("candles", Answer({"retCode": 10006, "retMsg": "Too many visits!", "result": {}}), [2, 3])
    assert one.fetch().error == ""
    assert same(one.stored(), one.truth)


def test_f02_a_ban_outlasts_a_restart(bench: Benches) -> None:
    one = bench()
    one.exchange.fault("candles", BANNED, range(2, 1_000))
    long_ban = refused(-1003, "IP banned.", 418, Retry_After="7200")
    one.exchange.fault("candles", long_ban, range(3, 1_000))
    first = one.fetch()
    noted = f"({one.root / 'binance' / 'held.json'} says so); call again then"
    assert first.error == f"binance BTC/USDT 1h: it asks to be left alone for 7200 s {noted}"
    assert first.stored == 1_000
    banned_at = one.exchange.seconds[-1]
    assert one.exchange.seconds[-1] - one.exchange.seconds[-2] >= 119.9
    one.exchange.heal()
    one.clock.advance(3_600.0)
    asked = len(one.exchange.journal)
    again = one.fetch()  # a fresh collector, as after a restart: not one request goes out
    assert again.error == f"binance: it asks to be left alone for 3600 s {noted}"
    assert len(one.exchange.journal) == asked
    one.clock.advance(3_300.0)
    assert one.fetch().error == ""  # 300 s are left, and waited for
    assert one.exchange.seconds[asked] - banned_at >= 7_199.9
    assert same(one.stored(), one.truth)


@pytest.mark.parametrize("asked", ["1e15", "1e11", "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_f02_no_ban_lasts_longer_than_a_day(bench: Benches, asked: str) -> None:
    one = bench()
    one.exchange.fault("candles", refused(-1003, "IP banned.", 418, Retry_After=asked))
    noted = f"({one.root / 'binance' / 'held.json'} says so); call again then"
    assert one.fetch().error == f"binance BTC/USDT 1h: it asks to be left alone for 86400 s {noted}"
    one.exchange.heal()
    one.clock.advance(86_000.0)
    assert one.fetch().stored == 3_500


@pytest.mark.parametrize(
    "content", ["[1]", "rubbish", "{}", '{"until": 5}', '{"until": "soon"}', '{"until": "9999-12-31T23:59:59"}']
)
def test_f02_a_note_of_a_ban_that_is_rubbish(bench: Benches, content: str) -> None:
    """At worst a day is waited for, and then it is asked again."""
    one = bench()
    file = one.root / "binance" / "held.json"
    file.parent.mkdir(parents=True)
    file.write_text(content, encoding="utf-8")
    if "9999" in content:
        assert f"for 86400 s ({file} says so)" in one.fetch().error
        one.clock.advance(86_000.0)
    else:
        assert one.fetch().error == ""


# --- answers that are none ---------------------------------------------------------------------


def test_f08_an_answer_that_comes_too_late(bench: Benches, dialect: Dialect) -> None:
    one = bench(dialect, timeout=2_000)
    one.exchange.fault("candles", lambda call, answer: Answer(answer.body, delay_s=3.0), [2])
    assert one.fetch().error == ""
    assert same(one.stored(), one.truth)
    assert one.sinces() == [0, 1_000, 1_000, 2_000, 3_000]


def test_f08_answers_that_always_come_too_late(bench: Benches) -> None:
    one = bench(timeout=300)
    second = str((START + 1_000 * HOUR) // 1_000_000)
    late = lambda call, answer: Answer(answer.body, delay_s=0.5 if call.params["startTime"] == second else 0.0)  # noqa: E731
    one.exchange.fault("candles", late)
    fetched = one.fetch()
    assert fetched.error.startswith(f"binance BTC/USDT 1h: RequestTimeout after {TRIES} tries")
    assert fetched.stored == 1_000


def body_of(answer: Answer) -> bytes:
    return json.dumps(answer.body).encode()


BODIES: dict[str, Fault] = {
    "truncated": lambda call, answer: Answer(body_of(answer)[:-200]),
    "cut on the way": lambda call, answer: Answer(answer.body, cut=10),
    "no answer": lambda call, answer: Answer(answer.body, cut=-1),
    "empty": lambda call, answer: Answer(b""),
    "blank": lambda call, answer: Answer(b" \n"),
    "HTML": lambda call, answer: Answer(
        b"<html><body>Just a moment...</body></html>", headers={"Content-Type": "text/html"}
    ),
    "null": lambda call, answer: Answer(b"null"),
    "{}": lambda call, answer: Answer(b"{}"),
    "not UTF-8": lambda call, answer: Answer(b"\xff\xfe\x00garbage"),
    "words for candles": lambda call, answer: Answer([["when", "a", "b", "c", "d", "e"]] * 3),
    "no candles": lambda call, answer: Answer([[], {}, None]),
}


@pytest.mark.parametrize("body", BODIES)
def test_f10_a_broken_body_is_asked_for_again(bench: Benches, dialect: Dialect, body: str) -> None:
    one = bench(dialect)
    one.exchange.fault("candles", BODIES[body], [2, 3])
    assert one.fetch().error == ""
    assert same(one.stored(), one.truth)
    assert one.sinces() == [0, 1_000, 1_000, 1_000, 2_000, 3_000]


@pytest.mark.parametrize("body", BODIES)
def test_f10_bodies_that_stay_broken_are_an_error(bench: Benches, dialect: Dialect, body: str) -> None:
    one = bench(dialect)
    one.exchange.fault("candles", BODIES[body], range(2, 1_000))
    fetched = one.fetch()
    assert fetched.error.startswith(f"{one.exchange.name} BTC/USDT 1h: ")
    assert f"after {TRIES} tries; what came is stored" in fetched.error
    assert one.exchange.url not in fetched.error
    assert fetched.stored == 1_000
    one.exchange.heal()
    one.fetch()
    assert one.sinces()[-3:] == [1_000, 2_000, 3_000]
    assert same(one.stored(), one.truth)


@pytest.mark.parametrize("body", ["truncated", "cut on the way", "empty", "HTML", "null", "{}"])
@pytest.mark.parametrize("endpoint", ["markets", "time"])
def test_f10_broken_bodies_before_the_first_candle(bench: Benches, dialect: Dialect, endpoint: str, body: str) -> None:
    one = bench(dialect)
    one.exchange.fault(endpoint, BODIES[body], [1])
    assert one.fetch().error == ""
    assert same(one.stored(), one.truth)
    one.exchange.heal()
    one.exchange.fault(endpoint, BODIES[body])
    other = one.fetch(one.request(-100, 3_500))
    assert other.error.startswith(f"{one.exchange.name}: ")
    assert other.stored == 3_500


# --- no way to it ------------------------------------------------------------------------------


def test_f31_an_exchange_that_cannot_be_reached(bench: Benches, dialect: Dialect) -> None:
    one = bench(dialect)
    one.fetch(one.request(0, 1_000))
    here = one.exchange.url
    for nowhere in ("http://127.0.0.1:9", "http://exchange.invalid"):  # a refused connection, an unknown name
        config = json.loads(json.dumps(dict(one.collector.config)).replace(here, nowhere))
        collector = one.collector
        collector.config = config
        (fetched,) = collector.fetch([one.whole()])
        assert fetched.error == (
            f"{one.exchange.name}: ExchangeNotAvailable after {TRIES} tries; what came is stored, call again to go on"
        )
        assert fetched.stored == 1_000
    assert one.clock.slept != []
    one.fetch()
    assert one.sinces() == [0, 1_000, 2_000, 3_000]
    assert same(one.stored(), one.truth)


def test_f31_a_connection_that_breaks_in_the_middle(
    bench: Benches, dialect: Dialect, caplog: pytest.LogCaptureFixture
) -> None:
    """Each wait is told, so that nobody looks at a still screen."""
    one = bench(dialect)
    one.exchange.fault("candles", BODIES["no answer"], range(3, 1_000))
    fetched = one.fetch()
    told = [message for message in caplog.messages if "trying again in" in message]
    assert told[0].startswith(f"{one.exchange.name} BTC/USDT 1h: ")
    assert told[0].endswith("(2 of 8)")
    assert fetched.stored == 2_000
    assert "after 8 tries" in fetched.error
    one.exchange.heal()
    assert one.fetch().error == ""
    assert same(one.stored(), one.truth)


# --- candles ----------------------------------------------------------------------------------


def test_f33_a_close_that_comes_late(bench: Benches, dialect: Dialect) -> None:
    """Up to the grace after its close a candle is not taken for final, whatever the venue serves."""
    close_ms = START // 1_000_000 + 100 * 3_600_000
    one = bench(dialect, now_ms=close_ms + 20_000)
    one.exchange.fault(
        "candles", with_rows(lambda rows: [changed(close=rows[-2][1])(row) if row is rows[-2] else row for row in rows])
    )
    one.fetch(one.request(0, None))
    assert same(one.stored(one.request(0, None)), one.truth.slice(0, 99))
    one.exchange.heal()
    one.clock.advance((GRACE_MS - 20_000) / 1_000 + 1)
    one.fetch(one.request(0, None))
    assert same(one.stored(one.request(0, None)), one.truth.slice(0, 100))


def test_f33_a_candle_that_is_not_there_yet_is_asked_for_again(bench: Benches, dialect: Dialect) -> None:
    close_ms = START // 1_000_000 + 100 * 3_600_000
    one = bench(dialect, now_ms=close_ms + 40_000)
    one.exchange.fault("candles", with_rows(lambda rows: rows[:-2]))
    one.fetch(one.request(0, None))
    assert same(one.stored(one.request(0, None)), one.truth.slice(0, 99))
    one.exchange.heal()
    one.fetch(one.request(0, None))
    assert same(one.stored(one.request(0, None)), one.truth.slice(0, 100))


def test_f34_candles_in_any_order_and_twice(bench: Benches, dialect: Dialect) -> None:
    def shuffled(rows: list[Any]) -> list[Any]:
        return [*rows[500:], *rows[:600], *rows[100:110]]

    one = bench(dialect)
    one.exchange.fault("candles", with_rows(shuffled))
    assert one.fetch().error == ""
    assert same(one.stored(), one.truth)


def test_f34_a_candle_twice_with_different_values(bench: Benches, dialect: Dialect) -> None:
    one = bench(dialect)
    one.exchange.fault("candles", with_rows(lambda rows: [*rows, changed(volume="99")(rows[700])]), range(2, 1_000))
    fetched = one.fetch()
    assert fetched.error == (
        f"{one.exchange.name} BTC/USDT 1h: the candle of 2023-03-12 20:00 UTC is impossible, it came twice, with "
        "different values; those before it are stored, fetch again later, or what comes after it"
    )
    assert fetched.stored == 1_700
    one.exchange.heal()
    assert one.fetch().new == 1_800
    assert one.sinces()[-2:] == [1_700, 2_700]
    assert same(one.stored(), one.truth)


def test_f34_missing_candles_are_gaps_that_are_told(bench: Benches, dialect: Dialect) -> None:
    one = bench(dialect)
    one.exchange.fault("candles", with_rows(lambda rows: rows[:300] + rows[305:]), [1])
    assert one.fetch().stored == 3_495
    entry = Store(one.root).entry(one.exchange.name, "BTC/USDT", Timeframe("1h"))
    assert entry is not None
    assert str(entry.gaps) == "1 gap (5 bars missing)"
    assert same(one.stored(), without(one.truth, (300, 305)))


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"close": "NaN"}, "its close is no price"),
        ({"open": "-1.5"}, "its open is no price"),
        ({"low": "0"}, "its low is no price"),
        ({"high": "Infinity"}, "its high is no price"),
        ({"open": None}, "its open is no price"),
        ({"close": "10000"}, "its high and low do not hold its open and close"),  # a hundred times too much
        ({"low": "100000", "high": "1"}, "its high and low do not hold its open and close"),
        ({"volume": "-3"}, "its volume is negative or no number"),
        ({"volume": "NaN"}, "its volume is negative or no number"),
    ],
)
def test_f35_an_impossible_candle_is_never_stored(
    bench: Benches, dialect: Dialect, values: dict[str, Any], why: str
) -> None:
    one = bench(dialect)
    one.exchange.fault("candles", one_row(700, **values), range(2, 1_000))
    fetched = one.fetch()
    assert fetched.error == (
        f"{one.exchange.name} BTC/USDT 1h: the candle of 2023-03-12 20:00 UTC is impossible, {why}; "
        "those before it are stored, fetch again later, or what comes after it"
    )
    assert same(one.stored(), one.truth.slice(0, 1_700))
    assert one.fetch(one.request(1_702, 1_710)).stored == 8  # one can go round it
    one.exchange.heal()
    one.fetch()
    assert same(one.stored(), one.truth)


def test_f35_an_impossible_candle_that_the_venue_mends(bench: Benches, dialect: Dialect) -> None:
    one = bench(dialect)
    one.exchange.fault("candles", one_row(700, close="NaN"), [2, 3])
    assert one.fetch().error == ""
    assert same(one.stored(), one.truth)


def test_f35_a_candle_between_two_bars(bench: Benches, dialect: Dialect) -> None:
    one = bench(dialect)
    time = START // 1_000_000 + 700 * 3_600_000 + 60_000
    one.exchange.fault("candles", one_row(700, time=time))
    assert "2023-01-30 04:01 UTC is impossible, it opens where no bar of this timeframe does" in one.fetch().error
    assert one.stored().time[-1] == START + 699 * HOUR


def test_f35_what_is_odd_but_possible_is_kept_as_it_was_served(bench: Benches, dialect: Dialect) -> None:
    """Zero volume, a flat bar, no volume at all, a spike to a hundred times the price: `data verify` tells of those."""
    one = bench(dialect)
    flat = {"open": "101", "high": "101", "low": "101", "close": "101", "volume": "0"}
    one.exchange.fault("candles", one_row(10, **flat), [1])
    one.exchange.fault("candles", one_row(11, volume=None), [1])
    one.exchange.fault("candles", one_row(12, high="10000"), [1])
    assert one.fetch().error == ""
    bars = one.stored()
    assert len(bars) == 3_500
    assert (bars.open[10], bars.volume[10], bars.volume[11], bars.high[12]) == (101.0, 0.0, 0.0, 10_000.0)


# --- with pages that are asked for before their turn ---------------------------------------------

FAULTS: dict[str, Fault] = {
    **{name: BODIES[name] for name in ("truncated", "cut on the way", "no answer", "{}")},
    "502": lambda call, answer: Answer(b"<html>Bad gateway</html>", 502),
    "429": lambda call, answer: TOO_MANY,
    "NaN": one_row(400, low="NaN"),
    "two of one": with_rows(lambda rows: [*rows, changed(volume="99")(rows[400])]),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_f10_faults_of_pages_that_were_asked_for_ahead(bench: Benches, dialect: Dialect, fault: str) -> None:
    one = bench(dialect)
    one.ahead = None
    one.exchange.fault("candles", FAULTS[fault], [3])
    assert one.fetch().error == ""
    assert same(one.stored(), one.truth)


@pytest.mark.parametrize("fault", FAULTS)
def test_f10_a_page_asked_for_ahead_that_stays_broken(bench: Benches, dialect: Dialect, fault: str) -> None:
    """What comes after it is not stored before it, so that the next call goes on at the right place."""
    one = bench(dialect)
    one.ahead = None
    third = str((START + 2_000 * HOUR) // 1_000_000)

    def act(call: Call, answer: Answer) -> Answer:
        return (
            FAULTS[fault](call, answer) if third in (call.params.get("start"), call.params.get("startTime")) else answer
        )

    one.exchange.fault("candles", act)
    fetched = one.fetch()
    assert fetched.error != ""
    kept = 2_400 if fault in ("NaN", "two of one") else 2_000
    assert same(one.stored(), one.truth.slice(0, kept))
    one.exchange.heal()
    one.exchange.journal.clear()
    assert one.fetch().new == 3_500 - kept
    assert min(one.sinces()) == kept
    assert same(one.stored(), one.truth)


def test_pages_asked_for_ahead_of_a_market_with_holes(bench: Benches, dialect: Dialect) -> None:
    holes = [(2_500, 2_600), (4_000, 4_001), (5_000, 8_200), (9_999, 10_002)]
    one = bench(dialect, without(walk_truth("BTC/USDT", "1h", 12_000, START), *holes))
    one.ahead = None
    assert one.fetch().error == ""
    assert same(one.stored(), one.truth)
