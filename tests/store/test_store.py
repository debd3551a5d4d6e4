"""The store keeps what it is given, gives back exactly what is asked, and touches no more than it must."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quantsail_framework import Bars, Instrument, Timeframe
from quantsail_framework.errors import DataError, MissingSeriesError
from quantsail_framework.store import Added, Store
from tests.store.made import JANUARY, asked, series

COLUMNS = ("time", "open", "high", "low", "close", "volume")
SLOTS = st.sets(st.integers(0, 20_000), min_size=1, max_size=60)
HOUR = 3_600_000_000_000


def put(store: Store, bars: Bars, **more: object) -> Added:
    return store.add("binance", bars, source="test", fetched_ns=7, **more)  # type: ignore[arg-type]


def assert_same(one: Bars, other: Bars) -> None:
    assert len(one) == len(other)
    for name in COLUMNS:
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


# --- what goes in comes out ------------------------------------------------------------------------


@given(pieces=st.lists(SLOTS, min_size=1, max_size=5), timeframe=st.sampled_from(["1s", "1m", "1h", "1d"]))
@settings(deadline=None, max_examples=40)
def test_pieces_in_any_order_and_overlap_give_the_whole(pieces: list[set[int]], timeframe: str) -> None:
    with tempfile.TemporaryDirectory() as root:
        store, seen = Store(root), set()
        for piece in pieces:
            done = put(store, series(piece, timeframe=timeframe))
            assert (done.new, done.changed, done.same) == (len(piece - seen), 0, len(piece & seen))
            seen |= piece
        whole = series(seen, timeframe=timeframe)
        assert_same(store.bars("binance", asked(whole)), whole)


@given(SLOTS, st.integers(0, 20_000), st.integers(0, 20_000), st.integers(0, 40), st.booleans())
@settings(deadline=None, max_examples=60)
def test_a_range_with_its_warmup(slots: set[int], one: int, other: int, warmup: int, cached: bool) -> None:
    whole = series(slots)
    start, end = sorted((one, other))
    with tempfile.TemporaryDirectory() as root:
        store = Store(root)
        put(store, whole)
        if cached:
            store.bars("binance", asked(whole))
        found = store.bars("binance", asked(whole, start, end, warmup))
    ordered = sorted(slots)
    inside = [slot for slot in ordered if start <= slot < end]
    before = [slot for slot in ordered if slot < start]
    assert_same(found, series([*before[len(before) - min(warmup, len(before)) :], *inside] if inside else []))


def test_a_bar_that_changed_replaces_the_old_one(tmp_path: Path) -> None:
    store = Store(tmp_path)
    put(store, series(range(10)))
    assert put(store, series(range(8, 12), shift=5.0)) == Added(new=2, changed=2, same=0)
    found = store.bars("binance", asked(series(range(1))))
    assert found.open.tolist() == [*series(range(8)).open, *series(range(8, 12), shift=5.0).open]


def test_what_comes_out_is_read_only_and_float64(tmp_path: Path) -> None:
    store = Store(tmp_path)
    put(store, series(range(50)))
    for _ in range(2):  # from the parts, then from the cache
        found = store.bars("binance", asked(series(range(1))))
        for name in COLUMNS:
            column = getattr(found, name)
            assert column.dtype == (np.int64 if name == "time" else np.float64)
            with pytest.raises(ValueError, match="read-only"):
                column[0] = 1


def test_an_empty_range_keeps_the_columns(tmp_path: Path) -> None:
    store = Store(tmp_path)
    put(store, series(range(50)))
    found = store.bars("binance", asked(series(range(1)), 60, 70, 5))
    assert (len(found), found.close.dtype, found.time.dtype) == (0, np.float64, np.int64)


def test_parts_are_parquet_that_others_can_read(tmp_path: Path) -> None:
    store = Store(tmp_path)
    put(store, series(range(3)))
    (path,) = store.series("binance", "BTC/USDT", Timeframe("1h")).paths()
    table = pq.read_table(path)
    assert path.relative_to(tmp_path).as_posix() == "binance/BTC%2FUSDT/1h/2023.parquet"
    assert table.column_names == ["timestamp", "open", "high", "low", "close", "volume"]
    assert table["timestamp"][2].as_py().isoformat() == "2023-01-01T02:00:00+00:00"


def test_a_part_says_where_it_comes_from(tmp_path: Path) -> None:
    store = Store(tmp_path)
    bars = series([0, 1, 5])
    put(store, bars)
    entry = store.entry("binance", "BTC/USDT", Timeframe("1h"))
    assert entry is not None
    (part,) = entry.parts
    assert (part.source, part.fetched_ns, part.sha256, part.version) == ("test", 7, bars.content_hash, "0.1.0")


# --- only what must be touched ---------------------------------------------------------------------


def minutes(days: range) -> Bars:
    """Every tenth minute of those days."""
    return series((day * 1440 + minute for day in days for minute in range(0, 1440, 10)), timeframe="1m")


def test_appending_and_prepending_leave_other_parts_alone(tmp_path: Path) -> None:
    store = Store(tmp_path)
    put(store, minutes(range(31, 119)))  # February to 29 April
    folder = tmp_path / "binance" / "BTC%2FUSDT" / "1m"
    before = {path.name: path.stat().st_ino for path in folder.glob("*.parquet")}
    assert sorted(before) == ["2023-02.parquet", "2023-03.parquet", "2023-04.parquet"]
    for name in ("2023-02.parquet", "2023-03.parquet"):
        (folder / name).write_bytes(b"unreadable")  # who would read them would stumble
    put(store, minutes(range(119, 121)))
    put(store, minutes(range(30, 31)))
    after = {path.name: path.stat().st_ino for path in folder.glob("*.parquet")}
    changed = {name for name in after if after[name] != before.get(name)}
    assert changed == {"2023-01.parquet", "2023-04.parquet", "2023-05.parquet"}


def test_the_same_bars_again_write_nothing(tmp_path: Path) -> None:
    store = Store(tmp_path)
    put(store, minutes(range(3)))
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.parquet")}
    assert put(store, minutes(range(3))) == Added(0, 0, 432)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.parquet")} == before


def test_a_range_reads_its_parts_only(tmp_path: Path) -> None:
    store = Store(tmp_path)
    put(store, minutes(range(365)))
    folder = tmp_path / "binance" / "BTC%2FUSDT" / "1m"
    for path in folder.glob("*.parquet"):
        if path.stem not in ("2023-06", "2023-07"):
            path.write_bytes(b"unreadable")
    july = minutes(range(182, 183))
    found = store.bars("binance", asked(july, 182 * 1440, 183 * 1440, 200))
    assert len(found) == 200 + len(july)
    with pytest.raises(DataError, match=r"2023-05\.parquet: cannot be read .*; remove the file and fetch or import"):
        store.bars("binance", asked(july, 140 * 1440, 141 * 1440))


# --- the column cache ------------------------------------------------------------------------------


def cache(root: Path) -> Path:
    return root / "binance" / "BTC%2FUSDT" / "1h" / "columns.cache"


def test_the_cache_follows_the_parts(tmp_path: Path) -> None:
    store = Store(tmp_path)
    put(store, series(range(100)))
    assert not cache(tmp_path).exists()
    first = store.bars("binance", asked(series(range(1))))
    assert cache(tmp_path).exists()
    put(store, series(range(90, 110), shift=1.0))
    whole = store.bars("binance", asked(series(range(1))))
    assert (len(first), len(whole), whole.open[95]) == (100, 110, series([95], shift=1.0).open[0])
    assert first.open[95] == series([95]).open[0]  # who holds the old ones keeps them


@pytest.mark.parametrize("content", [b"", b"{", b"{}\n", b'{"schema": 1}\n', b"\x00" * 5000])
def test_a_cache_that_is_broken_is_made_anew(tmp_path: Path, content: bytes) -> None:
    store = Store(tmp_path)
    put(store, series(range(100)))
    store.bars("binance", asked(series(range(1))))
    whole = cache(tmp_path).read_bytes()
    cache(tmp_path).write_bytes(content)
    assert_same(store.bars("binance", asked(series(range(1)))), series(range(100)))
    assert cache(tmp_path).read_bytes() == whole


def test_a_cache_cut_short_is_made_anew(tmp_path: Path) -> None:
    store = Store(tmp_path)
    put(store, series(range(100)))
    store.bars("binance", asked(series(range(1))))
    os.truncate(cache(tmp_path), cache(tmp_path).stat().st_size - 8)
    assert_same(store.bars("binance", asked(series(range(1)))), series(range(100)))


# --- what was asked of the venue -------------------------------------------------------------------


def missing(store: Store, start: int, end: int) -> list[tuple[float, float]]:
    ranges = store.missing("binance", "BTC/USDT", Timeframe("1h"), JANUARY + start * HOUR, JANUARY + end * HOUR)
    return [((a - JANUARY) / HOUR, (b - JANUARY) / HOUR) for a, b in ranges]


def test_imported_bars_cover_themselves_but_not_their_holes(tmp_path: Path) -> None:
    store = Store(tmp_path)
    assert missing(store, 0, 20) == [(0, 20)]
    put(store, series([2, 3, 4, 8, 9]))
    assert missing(store, 0, 20) == [(0, 2), (5, 8), (10, 20)]


def test_what_was_asked_is_not_asked_again(tmp_path: Path) -> None:
    store = Store(tmp_path)
    put(store, series([2, 3]), covered=[(JANUARY, JANUARY + 6 * HOUR)])
    assert missing(store, 0, 10) == [(6, 10)]
    put(store, series([]), covered=[(JANUARY + 8 * HOUR, JANUARY + 9 * HOUR)])
    assert missing(store, 0, 10) == [(6, 8), (9, 10)]
    put(store, series([7]), covered=[(JANUARY + 6 * HOUR, JANUARY + 8 * HOUR)])
    assert missing(store, 0, 10) == [(9, 10)]
    assert missing(store, 1, 9) == []


# --- many writers, sudden ends ---------------------------------------------------------------------

WRITER = """
import sys
sys.path.insert(0, {project!r})
from quantsail_framework.store import Store
from tests.store.made import series
store = Store(sys.argv[1])
for page in range(int(sys.argv[2]), 10_000, int(sys.argv[3])):
    store.add("binance", series(range(page * 20, page * 20 + 20)), source="test", fetched_ns=0)
    print(page, flush=True)
"""
PROJECT = str(Path(__file__).parents[2])


def writer(root: Path, first: int, step: int) -> subprocess.Popen[str]:
    code = WRITER.format(project=PROJECT)
    return subprocess.Popen(
        [sys.executable, "-c", code, root, str(first), str(step)], stdout=subprocess.PIPE, text=True
    )


def reported(process: subprocess.Popen[str], seconds: float) -> list[int]:
    """Let it write for a while after its first page, kill it, and return the pages that it said were stored."""
    assert process.stdout is not None
    first = process.stdout.readline()
    time.sleep(seconds)
    process.send_signal(signal.SIGKILL)
    return [int(line) for line in [first, *process.communicate()[0].splitlines()]]


def test_d025_a_kill_loses_nothing_that_was_reported(tmp_path: Path) -> None:
    chance = random.Random(25)
    pages: list[int] = []
    for _ in range(4):
        start = max(pages, default=-1) + 1
        pages += reported(writer(tmp_path, start, 1), chance.uniform(0.05, 0.4))
    stored = Store(tmp_path).bars("binance", asked(series(range(1))))
    wanted = series(slot for page in pages for slot in range(page * 20, page * 20 + 20))
    assert np.isin(wanted.time, stored.time).all()
    assert len(pages) > 8


def test_two_writers_lose_nothing_to_each_other(tmp_path: Path) -> None:
    both = [writer(tmp_path, 0, 2), writer(tmp_path, 1, 2)]
    pages = [page for process in both for page in reported(process, 0.5)]
    stored = Store(tmp_path).bars("binance", asked(series(range(1))))
    assert np.isin(series(s for page in pages for s in range(page * 20, page * 20 + 20)).time, stored.time).all()


# --- the catalogue ---------------------------------------------------------------------------------


def test_the_catalogue_lists_span_bars_and_gaps(tmp_path: Path) -> None:
    store = Store(tmp_path)
    put(store, series([0, 1, 4, 8_758, 8_762]))  # the last of them in 2024
    store.add("kraken", series(range(24), "ETH/EUR", "1d"), source="test", fetched_ns=0)
    one, other = store.entries()
    assert (one.venue, one.symbol, one.rows, len(one.parts)) == ("binance", "BTC/USDT", 5, 2)
    assert (one.first_ns, one.last_ns) == (JANUARY, JANUARY + 8_762 * HOUR)
    assert (one.gaps.count, one.gaps.missing) == (3, 2 + 8_753 + 3)
    assert (other.venue, other.gaps.count, other.rows) == ("kraken", 0, 24)
    assert one.content_hash != other.content_hash


def test_the_catalogue_sees_what_changed_and_survives_rubbish(tmp_path: Path) -> None:
    store = Store(tmp_path)
    put(store, series(range(10)))
    assert [entry.rows for entry in store.entries()] == [10]
    put(store, series(range(20)))
    assert [entry.rows for entry in store.entries()] == [20]
    for rubbish in ("{", "[]", "{}"):
        (tmp_path / ".catalogue.json").write_text(rubbish)
        assert [entry.rows for entry in store.entries()] == [20]


def test_foreign_files_in_the_root_are_not_series(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / "my stuff" / "x" / "1h").mkdir(parents=True)
    (tmp_path / "binance" / "BTC%2FUSDT" / "later").mkdir(parents=True)
    assert list(Store(tmp_path).entries()) == []
    assert list(Store(tmp_path / "none").entries()) == []


# --- markets ---------------------------------------------------------------------------------------


def test_instruments_are_kept_in_exact_decimals(tmp_path: Path) -> None:
    store = Store(tmp_path)
    known = Instrument("BTC/USDT", Decimal("0.01"), Decimal("0.00001"), 5.0)
    store.save_instruments("binance", [known, Instrument("SHIB/USDT", tick=Decimal("1E-8"))])
    found = store.instruments("binance", ["BTC/USDT", "SHIB/USDT", "ETH/USDT"])
    assert found == {"BTC/USDT": known, "SHIB/USDT": Instrument("SHIB/USDT", tick=Decimal("0.00000001"))}
    assert store.instruments("kraken", ["BTC/USDT"]) == {}


# --- errors ----------------------------------------------------------------------------------------


def test_what_is_near_is_named(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with pytest.raises(MissingSeriesError, match="the store is empty: fill it with `quantsail data fetch`"):
        store.bars("binance", asked(series(range(1))))
    with pytest.raises(MissingSeriesError, match="there is no such folder; name the store's root"):
        Store(tmp_path / "none").bars("binance", asked(series(range(1))))
    put(store, series(range(3)))
    cases = {
        ("kraken", "BTC/USDT", "1h"): "it has the venues binance",
        ("binanec", "BTC/USDT", "1h"): r"did you mean binance\?",
        ("binance", "BTC/USD", "1h"): r"did you mean BTC/USDT\?",
        ("binance", "BTC/USDT", "5m"): "it has BTC/USDT in 1h",
    }
    for (venue, symbol, timeframe), hint in cases.items():
        with pytest.raises(MissingSeriesError, match=hint):
            store.bars(venue, asked(series(range(1), symbol, timeframe)))


def test_a_part_in_the_place_of_another_series_is_refused(tmp_path: Path) -> None:
    store = Store(tmp_path)
    put(store, series(range(3)))
    source = tmp_path / "binance" / "BTC%2FUSDT" / "1h" / "2023.parquet"
    place = tmp_path / "binance" / "ETH%2FUSDT" / "1h"
    place.mkdir(parents=True)
    source.rename(place / source.name)
    with pytest.raises(DataError, match=r"holds BTC/USDT 1h, not ETH/USDT 1h; was the file moved\?"):
        store.bars("binance", asked(series(range(1), "ETH/USDT")))


def test_files_that_the_store_did_not_write_are_refused(tmp_path: Path) -> None:
    store = Store(tmp_path)
    put(store, series(range(3)))
    path = tmp_path / "binance" / "BTC%2FUSDT" / "1h" / "2023.parquet"
    pq.write_table(pq.read_table(path).replace_schema_metadata({}), path)
    with pytest.raises(DataError, match=r"2023\.parquet: not a part of a store; use the source `parquet`"):
        store.bars("binance", asked(series(range(1))))


def test_a_root_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("x")
    with pytest.raises(DataError, match=r"cannot be written \(Not a directory\)"):
        put(Store(tmp_path / "data"), series(range(3)))


@pytest.mark.parametrize("change", ["null", "whole", "nested", "empty"])
def test_a_part_with_other_columns_is_refused(tmp_path: Path, change: str) -> None:
    """Nulls, whole numbers in place of floats, nested values, no rows: never taken for candles."""
    store = Store(tmp_path)
    put(store, series(range(3)))
    path = part_of(tmp_path)
    table = pq.read_table(path)
    values = {"null": pa.array([1.0, None, 2.0]), "whole": pa.array([7, 7, 7]), "nested": pa.array([[1.0], [], [2.0]])}
    table = table.slice(0, 0) if change == "empty" else table.set_column(5, "volume", values[change])
    pq.write_table(table, path)
    with pytest.raises(
        DataError, match=r"2023\.parquet: .*(are missing|not those of a part|none that a part can have)"
    ):
        store.bars("binance", asked(series(range(1))))


def test_a_part_copied_to_another_year_is_refused(tmp_path: Path) -> None:
    store = Store(tmp_path)
    put(store, series(range(3)))
    path = part_of(tmp_path)
    path.with_name("2024.parquet").write_bytes(path.read_bytes())
    with pytest.raises(
        DataError, match=r"2024\.parquet: holds a candle of 2023-01-01 00:00 UTC, which is another period"
    ):
        store.bars("binance", asked(series(range(1))))


def test_a_broken_part_hides_nothing_of_the_others(tmp_path: Path) -> None:
    store = Store(tmp_path)
    put(store, series([*range(100), *range(8_800, 8_900), *range(17_600, 17_700)]))
    store.add("binance", series(range(5), "ETH/USDT"), source="test", fetched_ns=0)
    part_of(tmp_path).with_name("2025.parquet").write_bytes(b"broken")
    assert len(store.bars("binance", asked(series(range(1)), 0, 8_900))) == 200
    broken: list[str] = []
    assert [entry.symbol for entry in store.entries(broken)] == ["ETH/USDT"]
    assert len(broken) == 1
    assert "2025.parquet: cannot be read" in broken[0]


@pytest.mark.parametrize("text", ["{}", "[1]"])
def test_rules_of_a_market_that_are_rubbish_are_named(tmp_path: Path, text: str) -> None:
    store = Store(tmp_path)
    put(store, series(range(3)))
    (tmp_path / "binance" / "BTC%2FUSDT" / "instrument.json").write_text(text)
    with pytest.raises(DataError, match=r"instrument\.json of BTC/USDT is not what a store writes"):
        store.instruments("binance", ["BTC/USDT"])


@pytest.mark.parametrize("text", ["{}", "[1]", '{"covered": [["x", "y"]]}'])
def test_coverage_that_is_rubbish_is_named(tmp_path: Path, text: str) -> None:
    store = Store(tmp_path)
    put(store, series(range(3)))
    part_of(tmp_path).with_name("series.json").write_text(text)
    with pytest.raises(DataError, match=r"series\.json: not what a store writes; remove the file"):
        missing(store, 0, 10)


def test_a_catalogue_of_another_shape_is_made_anew(tmp_path: Path) -> None:
    store = Store(tmp_path)
    put(store, series(range(3)))
    assert [entry.rows for entry in store.entries()] == [3]
    key = next(iter(json.loads((tmp_path / ".catalogue.json").read_text())))
    (tmp_path / ".catalogue.json").write_text(json.dumps({key: 5}))
    assert [entry.rows for entry in store.entries()] == [3]


def test_every_source_of_a_part_is_remembered(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for source, slots in (("a file", range(5)), ("an exchange", range(5, 6)), ("a file", range(6, 8))):
        store.add("binance", series(slots), source=source, fetched_ns=0)
    entry = store.entry("binance", "BTC/USDT", Timeframe("1h"))
    assert entry is not None
    assert [part.source for part in entry.parts] == ["a file; an exchange"]


def test_a_cache_from_before_the_machine_was_started_is_made_anew(tmp_path: Path) -> None:
    """What had not reached the disk is lost with a power cut, whatever the file's size says."""
    store = Store(tmp_path)
    put(store, series(range(100)))
    store.bars("binance", asked(series(range(1))))
    content = cache(tmp_path).read_bytes()
    head = json.loads(content[: content.index(b"\n")])
    other = json.dumps(head | {"boot": "another"}).encode().ljust(head["start"] - 1) + b"\n"
    cache(tmp_path).write_bytes(other + bytes(len(content) - len(other)))
    assert_same(store.bars("binance", asked(series(range(1)))), series(range(100)))


def test_what_a_kill_left_long_ago_is_removed(tmp_path: Path) -> None:
    store = Store(tmp_path)
    put(store, series(range(3)))
    old, new = (part_of(tmp_path).with_name(f".2023.parquet.{word}.partial") for word in ("old", "new"))
    for path in (old, new):
        path.write_bytes(b"x")
    os.utime(old, (0, 0))
    put(store, series(range(4)))
    assert (old.exists(), new.exists()) == (False, True)


def part_of(root: Path) -> Path:
    return root / "binance" / "BTC%2FUSDT" / "1h" / "2023.parquet"
