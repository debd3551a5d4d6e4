"""Verify finds what is wrong, says where, and ends with code 1; of sound candles it says nothing."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import attrs
import numpy as np
import pyarrow.parquet as pq
import pytest

from quantsail_data.verify import verify
from quantsail_framework import Bars, Timeframe
from quantsail_framework.store import Store
from tests.store.made import JANUARY, JUNE, MINUTE, five_minutes

Run = Callable[..., subprocess.CompletedProcess[str]]

FIVE = Timeframe("5m")


def changed(bars: Bars, row: int, **values: float) -> Bars:
    """One candle with other values."""
    columns = {name: getattr(bars, name).copy() for name in values}
    for name, value in values.items():
        columns[name][row] = value
    return attrs.evolve(bars, **columns)


def found(store: Store, bars: Bars, fetched_ns: int = JUNE) -> list[tuple[str, int, int, str]]:
    """Kind, first slot, number of bars and text of what is found when ``bars`` are stored."""
    store.add("binance", bars, source="test", fetched_ns=fetched_ns)
    series = store.series("binance", bars.symbol, bars.timeframe)
    findings = verify(store, series)
    return [(f.check, ((f.start_ns or JANUARY) - JANUARY) // bars.timeframe.ns, f.bars, f.text) for f in findings]


def test_sound_candles(store: Store) -> None:
    assert found(store, five_minutes()) == []


def test_d017_gaps_are_found(tmp_path: Path) -> None:
    assert found(Store(tmp_path), five_minutes(without=(10, 11, 50))) == [
        ("gap", 10, 2, "2 bars are missing"),
        ("gap", 50, 1, "1 bar is missing"),
    ]


def test_silent_bars_are_found_in_a_series_with_volume_only(tmp_path: Path) -> None:
    bars = five_minutes(100)
    volume = bars.volume.copy()
    volume[20:23] = 0.0
    assert found(Store(tmp_path / "one"), attrs.evolve(bars, volume=volume)) == [
        ("zero_volume", 20, 3, "3 without volume")
    ]
    assert found(Store(tmp_path / "other"), attrs.evolve(bars, volume=0.0 * volume)) == []


def test_f35_an_absurd_price_is_found(tmp_path: Path) -> None:
    bars = changed(five_minutes(100), 40, high=10_000.0, close=10_000.0)
    ((check, slot, count, text),) = found(Store(tmp_path), bars)
    assert (check, slot, count) == ("outlier", 40, 1)
    assert text.startswith("from 10")
    assert " to 10000 where closes are about 10" in text


def test_a_level_that_stays_is_no_outlier(tmp_path: Path) -> None:
    """Half the price for good is a split or a crash: its bars agree with each other but for the edge."""
    bars = five_minutes(200)
    factor = np.where(np.arange(200) < 100, 1.0, 0.5)
    halved = {name: getattr(bars, name) * factor for name in ("open", "high", "low", "close")}
    rows = [
        slot for check, slot, count, _ in found(Store(tmp_path), attrs.evolve(bars, **halved)) if check == "outlier"
    ]
    assert all(85 < slot < 115 for slot in rows)


def test_d019_a_bar_that_had_not_closed_is_found(tmp_path: Path) -> None:
    fetched = JANUARY + 100 * 5 * MINUTE - MINUTE
    assert found(Store(tmp_path), five_minutes(100), fetched) == [
        ("forming", 99, 1, "the last bar closes after it was fetched (2023-01-01 08:19 UTC)")
    ]


def test_a_longer_timeframe_is_checked_against_the_finer_one(quantsail: Run, store: Store) -> None:
    quantsail("data", "resample", "BTC/USDT", "--from", "5m", "--to", "1h")
    series = store.series("binance", "BTC/USDT", Timeframe("1h"))
    assert list(verify(store, series)) == []
    hours = series.bars_of_all()
    assert found(store, changed(hours, 7, volume=hours.volume[7] + 1)) == [
        ("differs", 7, 1, "1 not what 5m adds up to")
    ]


def part(store: Store) -> Path:
    return store.series("binance", "BTC/USDT", FIVE).paths()[0]


def rewrite(path: Path, column: str, row: int, value: float) -> None:
    """Change one value of a part behind the store's back, keeping what it says of itself."""
    table = pq.read_table(path)
    values = table[column].to_pylist()
    values[row] = value
    changed = table.set_column(table.column_names.index(column), column, [values])
    pq.write_table(changed.cast(table.schema), path)


def kinds(store: Store) -> list[tuple[str, str]]:
    return [(f.check, f.text) for f in verify(store, store.series("binance", "BTC/USDT", FIVE))]


def test_a_part_that_was_changed_behind_the_back(store: Store) -> None:
    rewrite(part(store), "volume", 5, 77.0)
    ((check, text),) = kinds(store)
    assert check == "altered"
    assert text == "2023.parquet: the candles are not those that were written; fetch or import them again"


@pytest.mark.parametrize(
    ("column", "value", "text"),
    [
        ("high", 50.0, "high is below open or close"),
        ("low", -1.0, "low is not above zero"),
        ("close", float("nan"), "close is not a finite number"),
        ("volume", -1.0, "volume is negative"),
    ],
)
def test_impossible_candles(store: Store, column: str, value: float, text: str) -> None:
    rewrite(part(store), column, 9, value)
    ((check, said),) = kinds(store)
    assert check == "broken"
    assert text in said
    assert "row 9 (2023-01-01 00:45 UTC)" in said


def test_d018_repeated_and_unsorted_times(store: Store) -> None:
    path = part(store)
    table = pq.read_table(path)
    for order, text in (([0, 1, 1, 2], "time is repeated"), ([0, 2, 1, 3], "time is earlier than the row before")):
        pq.write_table(table.take(order), path)
        ((check, said),) = kinds(store)
        assert (check, text in said) == ("broken", True)


def test_a_file_that_is_no_parquet(quantsail: Run, store: Store) -> None:
    part(store).write_bytes(b"PAR1 not really")
    done = quantsail("data", "verify")
    assert done.returncode == 1
    assert "broken" in done.stdout
    assert "2023.parquet: cannot be read" in done.stdout.replace("\n", " ")
    assert done.stdout.endswith("2 series checked: 1 broken\n")


def test_a_part_under_the_name_of_another_period(store: Store) -> None:
    path = part(store)
    path.rename(path.with_name("2022.parquet"))
    ((check, text),) = kinds(store)
    assert check == "broken"
    assert "2022.parquet: holds a candle of 2023-01-01 00:00 UTC, which is another period" in text


def test_a_check_writes_nothing(quantsail: Run, store: Store, tmp_path: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    assert quantsail("data", "verify").returncode == 0
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_a_cache_that_holds_other_candles(store: Store) -> None:
    series = store.series("binance", "BTC/USDT", FIVE)
    series.bars_of_all()
    cache = series.folder / "columns.cache"
    content = bytearray(cache.read_bytes())
    content[-8:] = np.float64(77.0).tobytes()
    cache.write_bytes(content)
    assert kinds(store) == [("altered", "columns.cache does not hold the candles of the parts; remove it")]


def test_candles_beside_the_clock(tmp_path: Path) -> None:
    bars = five_minutes(50)
    late = attrs.evolve(bars, time=bars.time + MINUTE)
    assert ("misplaced", 0, 0, "2023.parquet: 50 candles open beside the clock, the first at 2023-01-01 00:01 UTC") in (
        found(Store(tmp_path), late)
    )


def test_the_verb_says_nothing_found(quantsail: Run, store: Store) -> None:
    done = quantsail("data", "verify")
    assert (done.returncode, done.stdout) == (0, "2 series checked: nothing found\n")
    assert json.loads(quantsail("data", "verify", "--json").stdout) == {"series": 2, "findings": []}


def test_the_verb_for_programs(quantsail: Run, store: Store) -> None:
    store.add("binance", five_minutes(50, "XRP/USDT", without=(9,)), source="test", fetched_ns=JUNE)
    done = quantsail("data", "verify", "--json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["findings"] == [
        {
            "check": "gap",
            "venue": "binance",
            "symbol": "XRP/USDT",
            "timeframe": "5m",
            "start": "2023-01-01T00:45:00+00:00",
            "end": "2023-01-01T00:50:00+00:00",
            "bars": 1,
            "text": "1 bar is missing",
        }
    ]


def test_many_findings_are_cut_short(quantsail: Run, store: Store) -> None:
    store.add("binance", five_minutes(100, "XRP/USDT", without=tuple(range(1, 99, 2))), source="test", fetched_ns=JUNE)
    assert "and 29 more (--all)" in quantsail("data", "verify").stdout
    assert len(quantsail("data", "verify", "--all").stdout.splitlines()) == 1 + 49 + 2


# --- real candles ----------------------------------------------------------------------------------


def real(shared_data: Path, name: str, timeframe: str) -> Bars:
    table = pq.ParquetFile(shared_data / "ohlcv" / f"{name}-{timeframe}.parquet").read()
    time = np.asarray(table["timestamp"].cast("int64")) * 1_000_000
    values = [np.asarray(table[column]) for column in ("open", "high", "low", "close", "volume")]
    return Bars(name, Timeframe(timeframe), time, *values)


def test_the_halt_of_march_2023(shared_data: Path, tmp_path: Path) -> None:
    bars = real(shared_data, "binance/BTC_USDT", "5m")
    store = Store(tmp_path)
    store.add("binance", bars, source="test", fetched_ns=2**62)
    findings = list(verify(store, store.series("binance", bars.symbol, FIVE)))
    assert [(f.check, f.bars) for f in findings if f.check == "gap"] == [("gap", 16)]
    assert ("zero_volume", 14) in [(f.check, f.bars) for f in findings]
    assert len(findings) < 10


def test_the_exchanges_own_inconsistency_of_2021(shared_data: Path, tmp_path: Path) -> None:
    """Its 5m candles are not what its 1m candles add up to in about 20 of 11,884 bars."""
    store = Store(tmp_path)
    for timeframe in ("1m", "5m"):
        bars = real(shared_data, "binance-2021q2/BTC_USDT", timeframe)
        store.add("binance", bars, source="test", fetched_ns=2**62)
    findings = list(verify(store, store.series("binance", bars.symbol, FIVE)))
    assert 10 <= sum(f.bars for f in findings if f.check == "differs") <= 30
