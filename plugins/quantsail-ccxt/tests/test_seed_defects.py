"""The defects of the original fetcher, one test each: what comes out is the truth, or an error that helps."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import attrs
import numpy as np
import pytest

from quantsail_ccxt.venue import TRIES
from quantsail_framework import load_pipeline
from quantsail_framework.domain.timeframe import Timeframe
from quantsail_framework.errors import DataError, FetchError, MissingSeriesError, PipelineError
from quantsail_framework.store import Store
from tests.exchanges.bench import HOUR, START, Bench, same, without
from tests.exchanges.binance import Binance, refused
from tests.exchanges.bybit import Bybit
from tests.exchanges.clock import FakeClock
from tests.exchanges.server import (
    Answer,
    Call,
    Candle,
    LoopbackExchange,
    first_from,
    newest,
    rounding_down,
    walk_truth,
    window,
)

Benches = Callable[..., Bench]
Dialect = type[LoopbackExchange]


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (refused(-1121, "Invalid symbol."), "BadSymbol (HTTP 400, code -1121)"),
        (
            refused(-2015, "Invalid API-key, IP, or permissions for action.", 401),
            "AuthenticationError (HTTP 401, code -2015)",
        ),
        (Answer(b"<html>Unavailable For Legal Reasons</html>", 451), "ExchangeNotAvailable (HTTP 451)"),
    ],
)
def test_d009k_a_permanent_error_is_raised_at_once(bench: Benches, answer: Answer, words: str) -> None:
    one = bench()
    one.exchange.fault("candles", answer, [2])
    with pytest.raises(FetchError) as caught:
        one.fetch()
    assert str(caught.value) == f"binance BTC/USDT 1h: refused with {words}; nothing is gained by asking again"
    assert len(one.exchange.calls()) == 2
    one.exchange.heal()
    assert one.fetch().new == 2_500  # the first page is stored
    assert same(one.stored(), one.truth)


def test_d009k_a_passing_error_is_waited_for_longer_each_time(bench: Benches, dialect: Dialect) -> None:
    one = bench(dialect)
    one.exchange.fault("candles", Answer(b"<html>Bad gateway</html>", 502), [2, 3, 4, 5])
    assert one.fetch().error == ""
    assert same(one.stored(), one.truth)
    seconds = [
        at for at, call in zip(one.exchange.seconds, one.exchange.journal, strict=True) if call.endpoint == "candles"
    ]
    waits = np.diff(seconds)[1:5]
    assert (waits <= np.array([1.0, 2.0, 4.0, 8.0]) + 0.3).all()  # up to the bound, and one's turn
    assert waits.sum() > 2.0


def test_d009k_an_error_that_stays_ends_and_is_resumed(bench: Benches, dialect: Dialect) -> None:
    one = bench(dialect)
    one.exchange.fault("candles", Answer({"msg": "later"}, 503), range(3, 1_000))
    fetched = one.fetch()
    kind = "ExchangeError" if dialect is Bybit else "ExchangeNotAvailable"
    assert fetched.error == (
        f"{one.exchange.name} BTC/USDT 1h: {kind} (HTTP 503) after {TRIES} tries; "
        "what came is stored, call again to go on"
    )
    assert (fetched.new, fetched.stored) == (2_000, 2_000)
    assert one.told == [(2_000, 3_500)]
    assert len(one.exchange.calls()) == 2 + TRIES
    one.exchange.heal()
    assert one.fetch().new == 1_500
    assert one.sinces()[2 + TRIES :] == [2_000, 3_000]
    assert same(one.stored(), one.truth)


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="this system's zone cannot be set for one process")
def test_d010_the_zone_of_the_machine_does_not_matter(
    bench: Benches, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    one = bench(Binance, walk_truth("BTC/USDT", "5m", 1_300, START))
    stores = []
    try:
        for zone in ("UTC", "America/New_York", "Asia/Tokyo"):
            monkeypatch.setenv("TZ", zone)
            time.tzset()
            there = Bench(one.exchange, tmp_path / zone, type(one.clock)(one.clock.now_ms()))
            one.exchange.now_ms = there.clock.now_ms
            there.fetch()
            assert same(there.stored(), one.truth)
            files = sorted(path for path in there.root.rglob("*") if path.suffix in (".parquet", ".json"))
            stores.append({str(path.relative_to(there.root)): path.read_bytes() for path in files})
    finally:
        monkeypatch.undo()
        time.tzset()
    assert stores[0] == stores[1] == stores[2]
    assert len(stores[0]) == 4  # the candles, what was asked for, the market's rules, what the venue has


def test_d011_times_with_a_zone_are_understood_and_given_back(tmp_path: Path) -> None:
    text = """
    [pipeline]
    capital = 1_000
    [data]
    use = "ccxt"
    exchange = "binance"
    path = "store"
    symbols = ["BTC/USDT"]
    timeframe = "1h"
    start = {start}
    [strategy]
    use = "trend"
    [costs]
    use = "binance-spot"
    [sizer]
    use = "fixed-fractional"
    """
    file = tmp_path / "pipeline.toml"
    file.write_text(text.format(start="2023-01-01T05:00:00+05:00"), encoding="utf-8")
    assert load_pipeline(file).data.start_ns == START
    file.write_text(text.format(start="2023-01-01T05:00:00"), encoding="utf-8")
    with pytest.raises(PipelineError, match="zone"):
        load_pipeline(file)


def test_d011_frames_carry_utc(bench: Benches) -> None:
    one = bench()
    one.fetch()
    index = one.stored().to_frame().index
    assert str(index.tz) == "UTC"
    assert index[0].isoformat() == "2023-01-01T00:00:00+00:00"


def test_d012_now_is_what_the_clock_says(bench: Benches, dialect: Dialect) -> None:
    one = bench(dialect, now_ms=START // 1_000_000 + 100 * 3_600_000 + 60_000)  # a minute into the bar of row 100
    fetched = one.fetch(one.request(0, None))
    assert (fetched.new, fetched.error) == (100, "")
    assert int(one.stored(one.request(0, None)).time[-1]) == START + 99 * HOUR


@pytest.mark.parametrize("shape", [rounding_down, lambda *page: rounding_down(page[0], page[1] - 10, *page[2:])])
def test_d013_a_venue_that_rounds_the_time_down_does_not_hold_it_up(bench: Benches, shape: object) -> None:
    one = bench()
    one.exchange.shape = shape  # type: ignore[assignment]
    assert one.fetch().error == ""
    assert same(one.stored(), one.truth)
    assert len(one.exchange.calls()) == 4


def test_d013_a_page_that_is_repeated_for_ever_is_an_error(bench: Benches, dialect: Dialect) -> None:
    one = bench(dialect)
    one.exchange.shape = lambda candles, since, limit, step: candles[:500]
    fetched = one.fetch()
    assert fetched.error == (
        f"{one.exchange.name} BTC/USDT 1h: asked for what came after 2023-01-21 20:00 UTC, it sends older candles only"
    )
    assert fetched.stored == 500
    one.exchange.shape = window
    assert one.fetch().new == 3_000
    assert same(one.stored(), one.truth)


def test_d014_pages_that_come_newest_first(bench: Benches) -> None:
    one = bench(Bybit)
    sent: list[int] = []

    def looked_at(call: Call, answer: Answer) -> Answer:
        sent.extend(int(candle[0]) for candle in answer.body["result"]["list"])
        return answer

    one.exchange.fault("candles", looked_at)
    one.fetch()
    assert sent[:3] == [START // 1_000_000 + hour * 3_600_000 for hour in (999, 998, 997)]
    assert same(one.stored(), one.truth)
    assert one.sinces() == [0, 1_000, 2_000, 3_000]


def test_d015_no_candles_before_the_listing(bench: Benches, dialect: Dialect) -> None:
    """Thirteen years of nothing before the first candle: a few dozen requests, not a hundred empty pages of 1,000."""
    one = bench(dialect)
    fetched = one.fetch(one.request(None, 3_500))
    assert (fetched.new, fetched.error) == (3_500, "")
    assert same(one.stored(), one.truth)
    assert len(one.exchange.calls()) < 40
    assert one.told[-1] == (3_500, 3_500)
    before = len(one.exchange.journal)
    one.fetch(one.request(None, 3_500))
    assert len(one.exchange.journal) == before  # nothing is missing


@pytest.mark.parametrize("timeframe", ["1h", "5m"])
def test_d015_a_market_that_traded_for_some_months_long_ago(bench: Benches, dialect: Dialect, timeframe: str) -> None:
    """The growing steps through years of silence lead over it; longer candles show where it is."""
    one = bench(dialect, walk_truth("BTC/USDT", timeframe, 3_000, START - 4 * 365 * 24 * HOUR))
    years = 5 * 365 * 24 * HOUR // one.truth.timeframe.ns
    fetched = one.fetch(one.request(None, years))
    assert (fetched.stored, fetched.error) == (3_000, "")
    assert same(one.stored(one.request(None, years)), one.truth)
    assert len(one.exchange.calls()) < 120


@pytest.mark.parametrize("hole", [(900, 2_950), (1_000, 2_000), (999, 1_001)])
def test_d015_an_outage_longer_than_a_page(bench: Benches, dialect: Dialect, hole: tuple[int, int]) -> None:
    one = bench(dialect, without(walk_truth("BTC/USDT", "1h", 3_500, START), hole))
    assert one.fetch().error == ""
    assert same(one.stored(), one.truth)
    # An outage that ends with a page looks like one that ended before: ten more requests make sure.
    assert len(one.exchange.calls()) <= (16 if hole == (1_000, 2_000) else 8)


def test_d015_candles_within_an_outage_are_not_jumped_over(bench: Benches, dialect: Dialect) -> None:
    one = bench(dialect, without(walk_truth("BTC/USDT", "5m", 9_000, START), (1_000, 4_200), (4_201, 7_700)))
    assert one.fetch().error == ""
    assert same(one.stored(), one.truth)


def test_d016_a_venue_that_keeps_only_its_last_bars_is_told_each_time(bench: Benches) -> None:
    one = bench()
    one.exchange.shape = _last_720_hours
    for new in (720, 0):
        fetched = one.fetch()
        assert (fetched.new, fetched.stored) == (new, 720)
        assert fetched.error == (
            "binance has BTC/USDT 1h candles only from 2023-04-26 20:00 UTC on, though it traded at "
            "2023-01-05 00:00 UTC: it keeps no older ones; start later, or import them"
        )
    with pytest.raises(FetchError, match="only from 2023-04-26 20:00 UTC on"):
        next(one.collector.bars([one.whole()]))
    assert len(next(one.collector.bars([one.request(2_780, 3_500)]))) == 720


def test_d016_days_of_a_venue_that_keeps_only_its_last_are_held_against_its_weeks(bench: Benches) -> None:
    one = bench(Binance, walk_truth("BTC/USDT", "1d", 790, START))
    one.exchange.shape = newest(300)
    for _ in range(2):
        fetched = one.fetch()
        assert fetched.stored == 300
        assert "1d candles only from 2024-05-05 00:00 UTC on, though it traded at 2023-01-05" in fetched.error
    one.exchange.shape = first_from
    assert one.fetch().error == ""
    assert same(one.stored(), one.truth)


def test_d016_evidence_that_could_not_be_had_covers_nothing(bench: Benches) -> None:
    one = bench()
    one.exchange.shape = _last_720_hours
    one.exchange.fault("candles", lambda call, answer: answer if call.params["interval"] == "1h" else Answer({}, 503))
    assert f"after {TRIES} tries" in one.fetch().error
    one.exchange.heal()
    one.exchange.shape = first_from
    assert one.fetch().error == ""
    assert same(one.stored(), one.truth)


def test_d016_candles_that_the_venue_does_not_keep_are_told_where_nothing_shows_that_they_were(bench: Benches) -> None:
    one = bench()
    one.exchange.shape = newest(100)  # in every timeframe: no whole week lies in the range, and days begin after it
    fetched = one.fetch(one.request(500, 600))
    assert fetched.stored == 0
    assert fetched.error == (
        "binance has no BTC/USDT 1h candles from 2023-01-21 20:00 UTC to 2023-01-26 00:00 UTC, and nothing shows "
        "whether it traded before: start later, or import them"
    )
    one.exchange.shape = first_from
    assert one.fetch(one.request(500, 600)).stored == 100


@pytest.mark.parametrize("asked", [{"last": 3_500, "first": None}, {"first": 2_950, "last": 3_500, "warmup": 2_000}])
def test_d016_what_is_not_kept_is_not_taken_for_asked(bench: Benches, asked: dict[str, int | None]) -> None:
    """Neither a fetch from the beginning nor a warm-up hides it from a later fetch that begins within."""
    one = bench()
    one.exchange.shape = _last_720_hours
    fetched = one.fetch(one.request(**asked))  # type: ignore[arg-type]
    assert (fetched.stored, fetched.error) == (720, "")
    told = len(one.exchange.journal)
    assert one.fetch(one.request(**asked)).stored == 720  # type: ignore[arg-type]
    assert len(one.exchange.journal) == told
    assert "though it traded at" in one.fetch().error


@pytest.mark.parametrize("hole", [(1_000, 1_100), (200, 3_400), (2_000, 3_500)])
def test_d016_an_outage_is_complete(bench: Benches, dialect: Dialect, hole: tuple[int, int]) -> None:
    """Within it, and also where the range begins or ends in it."""
    one = bench(dialect, without(walk_truth("BTC/USDT", "1h", 3_600, START), hole))
    first, last = hole
    for asked in ((first + 10, last - 10), (first + 20, last + 50), (first - 50, last)):
        assert one.fetch(one.request(*asked)).error == ""
    asked = len(one.exchange.journal)
    assert one.fetch(one.request(first - 50, last + 50)).stored == 100
    assert len(one.exchange.journal) == asked


def test_d016_weeks_of_a_market_that_was_listed_later_are_complete(bench: Benches, dialect: Dialect) -> None:
    """No longer candles are there to ask for: days that begin in the same week show it."""
    one = bench(
        dialect,
        walk_truth("BTC/USDT", "1w", 60, START + 24 * HOUR),
        walk_truth("BTC/USDT", "1d", 420, START + 24 * HOUR),
    )
    fetched = one.fetch(one.request(-100, 60))
    assert (fetched.stored, fetched.error) == (60, "")


def _last_720_hours(candles: Sequence[Candle], since: int, limit: int, step: int) -> Sequence[Candle]:
    return (newest(720) if step == 3_600_000 else first_from)(candles, since, limit, step)


def test_d016_a_market_that_was_listed_later_is_complete(bench: Benches, dialect: Dialect) -> None:
    one = bench(dialect, walk_truth("BTC/USDT", "1h", 300, START + 2_000 * HOUR))
    fetched = one.fetch(one.request(-2_000, 300))
    assert (fetched.new, fetched.error) == (300, "")


def test_d017_gaps_are_known(bench: Benches, dialect: Dialect) -> None:
    holes = [(100, 104), (2_000, 2_001)]
    one = bench(dialect, without(walk_truth("BTC/USDT", "1h", 3_500, START), *holes))
    one.fetch()
    entry = Store(one.root).entry(one.exchange.name, "BTC/USDT", Timeframe("1h"))
    assert entry is not None
    assert str(entry.gaps) == "2 gaps (5 bars missing)"


def test_d018_pages_that_overlap_give_each_bar_once(bench: Benches, dialect: Dialect) -> None:
    one = bench(dialect)
    one.exchange.shape = lambda candles, since, limit, step: first_from(candles, since - 300 * step, limit, step)
    assert one.fetch().error == ""
    assert same(one.stored(), one.truth)
    assert (np.diff(one.stored().time) == HOUR).all()


@pytest.mark.parametrize("ahead_s", [-7_200, 0, 7_200])
def test_d019_the_forming_bar_is_dropped_by_the_clock_of_the_exchange(
    bench: Benches, dialect: Dialect, ahead_s: int
) -> None:
    one = bench(dialect, now_ms=START // 1_000_000 + 100 * 3_600_000 + 1_800_000 - ahead_s * 1_000)
    one.exchange.now_ms = lambda: one.clock.now_ms() + ahead_s * 1_000  # half past, in the bar of row 100
    one.fetch(one.request(0, None))
    assert same(one.stored(one.request(0, None)), one.truth.slice(0, 100))
    one.clock.advance(3_600.0)
    one.fetch(one.request(0, None))
    assert same(one.stored(one.request(0, None)), one.truth.slice(0, 101))  # the bar as it came to be


@pytest.mark.parametrize("jump_s", [-7_200, 7_200])
def test_d019_the_clock_of_this_machine_may_be_set_during_a_fetch(
    bench: Benches, dialect: Dialect, jump_s: int
) -> None:
    one = bench(dialect, now_ms=START // 1_000_000 + 100 * 3_600_000 + 1_800_000)
    clock = _Stepped(one.clock)
    collector = one.collector
    collector.clock = clock

    def step(call: Call, answer: Answer) -> Answer:
        clock.jump_ms = jump_s * 1_000
        return answer

    one.exchange.fault("candles", step, [1])
    requests = [one.request(0, 50), one.request(50, None)]  # the second is begun after the step
    collector.fetch(requests)
    assert same(one.stored(one.request(0, None)), one.truth.slice(0, 100))


@attrs.define
class _Stepped:
    """A clock whose time of day somebody sets."""

    clock: FakeClock
    jump_ms: int = 0

    def now_ms(self) -> int:
        return self.clock.now_ms() + self.jump_ms

    def monotonic(self) -> float:
        return self.clock.monotonic()

    async def sleep(self, seconds: float) -> None:
        await self.clock.sleep(seconds)


@pytest.mark.parametrize("start", [100, 105])
def test_d019_the_forming_bar_is_no_warm_up(bench: Benches, dialect: Dialect, start: int) -> None:
    """A range that begins in the forming bar, or later, has none yet; the bars before it are those that closed."""
    one = bench(dialect, now_ms=START // 1_000_000 + 100 * 3_600_000 + 1_800_000)
    assert len(next(one.collector.bars([one.request(start, None, warmup=10)]))) == 0
    assert int(one.stored(one.request(None, None)).time[-1]) == START + 99 * HOUR


def test_d020_the_end_of_the_range_is_not_part_of_it(bench: Benches, dialect: Dialect) -> None:
    one = bench(dialect)
    one.fetch(one.request(50, 60))
    assert same(one.stored(one.request(None, None)), one.truth.slice(50, 60))
    one.fetch(one.request(60, 61))
    assert same(one.stored(one.request(None, None)), one.truth.slice(50, 61))


def test_d021_columns_are_floats_whatever_the_venue_sends(bench: Benches) -> None:
    one = bench()

    def whole_numbers(call: Call, answer: Answer) -> Answer:
        return Answer([[candle[0], 100, 102, 99, 101, None, *candle[6:]] for candle in answer.body])

    one.exchange.fault("candles", whole_numbers)
    one.fetch(one.request(0, 10))
    bars = one.stored(one.request(0, 10))
    assert {getattr(bars, name).dtype for name in ("open", "high", "low", "close", "volume")} == {np.dtype(np.float64)}
    assert (bars.high[0], bars.volume[0]) == (102.0, 0.0)


def test_d021_an_empty_answer_keeps_the_types(bench: Benches, dialect: Dialect) -> None:
    bars = next(bench(dialect).collector.bars([bench(dialect).request(-900, -800)]))
    assert (len(bars), bars.time.dtype, bars.volume.dtype) == (0, np.int64, np.float64)


@pytest.mark.parametrize(("kind", "page_s"), [(Binance, 0.4 * 0.05), (Bybit, 5 * 0.02)])
def test_d022_a_fetch_waits_as_long_as_the_limit_demands_and_no_longer(
    bench: Benches, kind: Dialect, page_s: float
) -> None:
    """By ccxt's costs a page is 0.4 units of 50 ms on Binance and 5 units of 20 ms on Bybit."""
    one = bench(kind, walk_truth("BTC/USDT", "1h", 20_000, START - 17_000 * HOUR))
    one.fetch()
    pages = np.array(one.exchange.seconds)[2:]
    assert len(pages) == 20
    assert np.allclose(np.diff(pages), page_s, atol=0.0011)
    assert sum(one.clock.slept) == pytest.approx(pages[-1] - one.exchange.seconds[0], abs=0.0011)


def test_d022_series_share_one_limit(bench: Benches) -> None:
    names = ("ADA/USDT", "BTC/USDT", "ETH/USDT", "SOL/USDT", "XRP/USDT")
    one = bench(Binance, *[walk_truth(name, "1h", 2_500, START, seed=len(name)) for name in names])
    requests = [one.request(0, 2_500, name) for name in names]
    assert [fetched.stored for fetched in one.collector.fetch(requests)] == [2_500] * 5
    _markets, asked_time, *pages = one.exchange.seconds
    assert len(pages) == 15
    assert max(pages) - asked_time == pytest.approx(0.2 * 0.05 + 14 * 0.02, abs=0.0011)


@pytest.mark.parametrize(
    ("name", "hint"),
    [("binanc", "did you mean binance"), ("Exchange", ""), ("errors", ""), ("nosuch", "docs.ccxt.com")],
)
def test_d023_an_exchange_that_there_is_not(bench: Benches, name: str, hint: str) -> None:
    one = bench()
    collector = one.collector
    collector.exchange = name
    with pytest.raises(DataError, match=f"^ccxt has no exchange '{name}'.*{hint}"):
        collector.fetch([one.whole()])


def test_d023_a_symbol_or_timeframe_that_there_is_not(bench: Benches, dialect: Dialect) -> None:
    truth = [walk_truth(name, "1h", 10, START) for name in ("BTC/USDT", "ETH/USDT")]
    one = bench(dialect, *truth)
    name = one.exchange.name
    with pytest.raises(MissingSeriesError) as caught:
        one.collector.fetch([one.whole(), one.request(symbol="BCT/USDT")])
    assert str(caught.value) == f"{name} has no market BCT/USDT; did you mean BTC/USDT or ETH/USDT?"
    with pytest.raises(MissingSeriesError, match=f"^{name} has no 7m candles of BTC/USDT; it has .*1m, 3m, 5m"):
        one.collector.fetch([one.whole(), one.request(timeframe="7m")])
    assert one.exchange.calls() == []  # nothing is fetched before all is checked


def test_d023_what_a_venue_lacks_keeps_nothing_else_from_a_run_and_is_asked_once(
    bench: Benches, dialect: Dialect
) -> None:
    """The engine then makes the 10h candles of shorter ones."""
    one = bench(dialect)
    requests = [one.request(0, 100, timeframe="10h"), one.request(0, 200)]
    for _ in range(2):
        with pytest.raises(MissingSeriesError, match=f"^{one.exchange.name} has no 10h candles of BTC/USDT; it has"):
            list(one.collector.bars(requests))
        assert len(one.stored(one.request(0, 200))) == 200
        asked = len(one.exchange.journal)
        with pytest.raises(MissingSeriesError, match="10h"):
            one.collector.fetch(requests)
        with pytest.raises(MissingSeriesError, match="10h"):
            next(one.collector.bars(requests[:1]))
        assert len(one.exchange.journal) == asked


@pytest.mark.parametrize("content", ["[1]", "rubbish", '{"ccxt": "0.1", "timeframes": []}', '{"timeframes": 5}'])
def test_d023_what_is_known_of_a_venue_may_be_rubbish_or_old(bench: Benches, content: str) -> None:
    one = bench()
    file = one.root / "binance" / "known.json"
    file.parent.mkdir(parents=True)
    file.write_text(content, encoding="utf-8")
    assert one.fetch().stored == 3_500
    assert "1h" in file.read_text(encoding="utf-8")


def test_d024_exchanges_symbols_and_timeframes_do_not_replace_each_other(bench: Benches, tmp_path: Path) -> None:
    hours, minutes = walk_truth("BTC/USDT", "1h", 24, START), walk_truth("BTC/USDT", "5m", 288, START)
    one, other = bench(Binance, hours, minutes), bench(Bybit, walk_truth("BTC/USDT", "1h", 24, START, seed=5))
    one.fetch()
    one.fetch(one.request(0, 24, timeframe="5m"))
    other.fetch()
    assert one.root == other.root
    assert same(one.stored(), hours)
    assert same(one.stored(one.request(0, 24, timeframe="5m")), minutes)
    assert same(other.stored(), other.truth)
    folders = {str(path.parent.relative_to(one.root)) for path in one.root.rglob("*.parquet")}
    assert folders == {"binance/BTC%2FUSDT/1h", "binance/BTC%2FUSDT/5m", "bybit/BTC%2FUSDT/1h"}


def test_d025_an_error_in_one_series_leaves_the_others(bench: Benches, dialect: Dialect) -> None:
    names = ["ADA/USDT", "BTC/USDT", "ETH/USDT", "SOL/USDT"]
    truth = [walk_truth(name, "1h", 1_500, START, seed=seed) for seed, name in enumerate(names)]
    one = bench(dialect, *truth)

    def broken(call: Call, answer: Answer) -> Answer:
        return Answer(b"", 500) if call.params["symbol"] == "SOLUSDT" else answer

    one.exchange.fault("candles", broken)
    fetched = one.collector.fetch([one.request(0, 1_500, name) for name in names])
    assert [each.stored for each in fetched] == [1_500, 1_500, 1_500, 0]
    assert [bool(each.error) for each in fetched] == [False, False, False, True]
    for name, bars in zip(names[:3], truth, strict=False):
        assert same(one.stored(one.request(0, 1_500, name)), bars)


def test_d025_an_error_that_is_raised_leaves_what_the_others_had(bench: Benches, dialect: Dialect) -> None:
    names = ["ADA/USDT", "BTC/USDT"]
    truth = [walk_truth(name, "1h", 3_500, START, seed=seed) for seed, name in enumerate(names)]
    one = bench(dialect, *truth)
    third = str((START + 2_000 * HOUR) // 1_000_000)

    def broken(call: Call, answer: Answer) -> Answer:
        asked = call.params.get("start") or call.params.get("startTime")
        return Answer({"msg": "no"}, 404) if call.params["symbol"] == "BTCUSDT" and asked == third else answer

    one.exchange.fault("candles", broken)
    with pytest.raises(FetchError, match="BTC/USDT 1h: refused with"):
        one.collector.fetch([one.request(0, 3_500, name) for name in names])
    for name, bars in zip(names, truth, strict=True):
        kept = one.stored(one.request(0, 3_500, name))
        assert len(kept) >= 1_000
        assert same(kept, bars.slice(0, len(kept)))
        one.exchange.heal()
        assert one.fetch(one.request(0, 3_500, name)).new == 3_500 - len(kept)


def test_d025_new_candles_are_added_to_the_old(bench: Benches, dialect: Dialect) -> None:
    one = bench(dialect)
    for last in (1_200, 1_250, 3_500):
        one.fetch(one.request(0, last))
    assert one.sinces() == [0, 1_000, 1_200, 1_250, 2_250, 3_250]
    assert same(one.stored(), one.truth)
