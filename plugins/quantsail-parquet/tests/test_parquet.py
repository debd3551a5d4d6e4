"""Reading Parquet: every time unit and number type, only the asked range, and the real candles."""

from __future__ import annotations

import csv
import subprocess
import sys
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quantsail_framework.domain.bars import Bars
from quantsail_framework.errors import DataError

HOUR = 3_600_000_000_000
START = 1_672_531_200_000_000_000

Hours = Callable[..., dict[str, Any]]
Write = Callable[..., Path]
Load = Callable[..., Bars]


def times(hours: Hours, unit: str, zone: str | None = None) -> pa.Array:
    return pa.array(hours(5)["timestamp"], pa.timestamp("ns", zone)).cast(pa.timestamp(unit, zone))


@pytest.mark.parametrize("divisor", [1_000_000_000, 1_000_000, 1_000, 1], ids=["s", "ms", "us", "ns"])
@pytest.mark.parametrize("kind", [pa.int64(), pa.uint64()], ids=str)
def test_whole_numbers_of_any_unit(divisor: int, kind: pa.DataType, hours: Hours, write: Write, load: Load) -> None:
    expected = hours(5)["timestamp"]
    write(hours(5) | {"timestamp": pa.array(expected // divisor, kind)})
    assert load().time.tolist() == expected.tolist()


@pytest.mark.parametrize("zone", [None, "UTC", "America/New_York"])
@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_timestamps_of_any_unit_and_zone(unit: str, zone: str | None, hours: Hours, write: Write, load: Load) -> None:
    write(hours(5) | {"timestamp": times(hours, unit, zone)})
    # A zone only says how to show an instant; the file keeps UTC. Without one it is UTC.
    assert load().time.tolist() == hours(5)["timestamp"].tolist()


def test_int32_seconds_dates_and_int96(hours: Hours, write: Write, load: Load) -> None:
    expected = hours(5)["timestamp"].tolist()
    write(hours(5) | {"timestamp": pa.array(hours(5)["timestamp"] // 10**9, pa.int32())})
    assert load().time.tolist() == expected
    write(hours(5) | {"timestamp": times(hours, "ns")}, use_deprecated_int96_timestamps=True)
    assert load(start_ns=START + HOUR).time.tolist() == expected[1:]
    days = pa.array([19_358, 19_359], pa.date32())  # 19,358 * 86,400 s = 1,672,531,200 s
    write(hours(2) | {"timestamp": days}, "BTC_USDT-1d.parquet")
    assert load(timeframe="1d").time.tolist() == [START, START + 24 * HOUR]


@pytest.mark.parametrize(
    "first, step",
    [(0, 3_600), (20_230_101, 1), (10_000_000_000, 3_600), (1_672_531_200, 10**10), (-5, 3_600)],
    ids=["from 1970", "20230101", "between s and ms", "s then ms", "negative"],
)
def test_whole_numbers_of_no_clear_unit(first: int, step: int, hours: Hours, write: Write, load: Load) -> None:
    write(hours(5) | {"timestamp": first + step * np.arange(5)})
    text = rf"parquet: BTC/USDT 1h: column timestamp holds whole numbers from {first} to .*; store it as a timestamp"
    with pytest.raises(DataError, match=text):
        load()


def test_times_beyond_2262(hours: Hours, write: Write, load: Load) -> None:
    write(hours(5) | {"timestamp": pa.array([10**10 + i for i in range(5)], pa.timestamp("s"))})
    with pytest.raises(DataError, match="reaches beyond the years 1678 to 2262; check its unit"):
        load()


@pytest.mark.parametrize(
    "kind",
    [pa.float64(), pa.float32(), pa.float16(), pa.int16(), pa.int64(), pa.uint32(), pa.decimal128(12, 4)],
    ids=str,
)
def test_d021_every_number_type_becomes_float64(kind: pa.DataType, hours: Hours, write: Write, load: Load) -> None:
    columns = {name: pa.array(hours(5)[name]) for name in hours(5)}
    whole = [Decimal(value) if pa.types.is_decimal(kind) else value for value in (101, 102, 103, 104, 105)]
    write(columns | {"high": pa.array(whole, kind), "volume": pa.array(whole, kind)})
    bars = load()
    assert bars.high.dtype == bars.volume.dtype == np.float64
    assert bars.high.tolist() == bars.volume.tolist() == [101.0, 102.0, 103.0, 104.0, 105.0]


def test_d021_an_empty_answer_keeps_the_types(hours: Hours, write: Write, load: Load) -> None:
    write(hours(5))
    for bars in (
        load(start_ns=START + 5 * HOUR),
        load(end_ns=START),
    ):
        assert len(bars) == 0
        assert bars.time.dtype == np.int64
        assert {getattr(bars, name).dtype for name in ("open", "high", "low", "close", "volume")} == {
            np.dtype(np.float64)
        }


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_range_of_any_row_groups_is_the_slice(data: st.DataObject, hours: Hours, write: Write, load: Load) -> None:
    size = data.draw(st.integers(1, 40))
    step = np.cumsum(data.draw(st.lists(st.integers(1, 4), min_size=size, max_size=size)))
    columns = hours(size) | {"timestamp": START + step * HOUR}
    statistics = data.draw(st.booleans())
    write(columns, row_group_size=data.draw(st.integers(1, size)), write_statistics=statistics)
    bound = st.none() | st.integers(-2, 165).map(lambda halves: START + halves * HOUR // 2)
    start, end, warmup = data.draw(bound), data.draw(bound), data.draw(st.integers(0, 45))
    asked = [
        row
        for row, moment in enumerate(columns["timestamp"].tolist())
        if (start is None or moment >= start) and (end is None or moment < end)
    ]
    expected = list(range(max(0, asked[0] - warmup), asked[-1] + 1)) if asked else []
    bars = load(start_ns=start, end_ns=end, warmup=warmup)
    assert bars.time.tolist() == columns["timestamp"][expected].tolist()
    assert bars.close.tolist() == columns["close"][expected].tolist()


def test_only_the_row_groups_of_the_range_are_read(hours: Hours, write: Write, load: Load) -> None:
    """Every group outside the range is made unreadable: a source that touched one would fail."""
    path = write(hours(100), row_group_size=10, compression="none", use_dictionary=False)
    metadata = pq.ParquetFile(path).metadata
    content = bytearray(path.read_bytes())
    for group in (0, 1, 2, 7, 8, 9):
        for column in range(6):
            chunk = metadata.row_group(group).column(column)
            content[chunk.data_page_offset : chunk.data_page_offset + chunk.total_compressed_size] = (
                b"\xff" * chunk.total_compressed_size
            )
    path.write_bytes(content)
    # Rows 50 to 69 are groups 5 and 6; fifteen bars before them reach into groups 4 and 3.
    bars = load(start_ns=START + 50 * HOUR, end_ns=START + 70 * HOUR, warmup=15)
    assert bars.open.tolist() == [100.0 + row for row in range(35, 70)]
    with pytest.raises(DataError, match=r"BTC_USDT-1h.parquet: candles of BTC/USDT cannot be read"):
        load()


def test_a_small_range_does_not_hold_the_whole_file(hours: Hours, write: Write, load: Load) -> None:
    write(hours(1_000))
    bars = load(start_ns=START + 500 * HOUR, end_ns=START + 510 * HOUR)
    held = bars.close if bars.close.base is None else bars.close.base
    assert held.nbytes == 80


def test_pattern_with_folders(hours: Hours, write: Write, load: Load, tmp_path: Path) -> None:
    write(hours(3), "BTC_USDT/candles/1h.parquet")
    assert len(load(path=tmp_path / "{symbol}" / "candles" / "{timeframe}.parquet")) == 3
    write(hours(4), "1h/BTC_USDT_1h.parquet")
    assert len(load(path=tmp_path / "{timeframe}" / "{symbol}_{timeframe}.parquet")) == 4


def test_extra_columns_and_another_order_do_not_matter(hours: Hours, write: Write, load: Load) -> None:
    columns = hours(3)
    nested = pa.array([{"a": 1}, None, {"a": 3}])
    write({"trades": nested} | dict(reversed(list(columns.items()))))
    assert load().open.tolist() == [100.0, 101.0, 102.0]


def test_every_real_file_as_the_manifest_says(shared_data: Path, load: Load) -> None:
    with (shared_data / "manifest.csv").open() as manifest:
        rows = [row for row in csv.DictReader(manifest) if row["path"].startswith("ohlcv/")]
    assert len(rows) > 20
    for row in rows:
        bars = load(row["symbol"].replace("_", "/"), row["timeframe"], path=(shared_data / row["path"]).parent)
        assert len(bars) == int(row["bars"]), row["path"]
        span = [np.datetime64(row[name].rstrip("Z"), "ns").astype(np.int64) for name in ("first", "last")]
        assert [bars.time[0], bars.time[-1]] == span, row["path"]
        assert np.count_nonzero(bars.volume == 0) == int(row["zero_volume"]), row["path"]


def test_a_load_imports_no_pandas(hours: Hours, write: Write) -> None:
    path = write(hours(50), row_group_size=20)
    code = (
        "import sys; from pathlib import Path; from quantsail_parquet.source import ParquetSource;"
        "from quantsail_framework.domain.timeframe import Timeframe;"
        "from quantsail_framework.ports.data_source import BarRequest;"
        "assert 'pyarrow' not in sys.modules;"
        f"request = BarRequest('BTC/USDT', Timeframe('1h'), start_ns={START + 30 * HOUR}, warmup=5);"
        f"print(len(next(ParquetSource(Path({str(path.parent)!r})).bars([request]))), 'pandas' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.stderr) == ("25 False", "")


def test_a_year_of_minutes_loads_fast(write: Write, load: Load) -> None:
    size = 525_600
    rng = np.random.default_rng(1)
    close = np.round(100.0 * np.exp(np.cumsum(rng.standard_normal(size) * 1e-3)), 4)
    opens = np.roll(close, 1)
    columns = {
        "timestamp": START // 1_000_000 + 60_000 * np.arange(size),
        "open": opens,
        "high": np.maximum(opens, close),
        "low": np.minimum(opens, close),
        "close": close,
        "volume": rng.lognormal(size=size),
    }
    write(columns, "BTC_USDT-1m.parquet", compression="zstd")

    def seconds() -> float:
        began = time.perf_counter()
        assert len(load(timeframe="1m")) == size
        return time.perf_counter() - began

    # About 25 ms on two cores; the bound leaves room for a busy machine.
    assert min(seconds() for _ in range(7)) < 0.15
