"""All or nothing, nothing of others replaced unasked, and gaps told wherever they are."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import numpy as np

from quantsail_framework import Timeframe
from quantsail_framework.domain.resample import resample
from quantsail_framework.store import Store
from tests.store.made import JANUARY, JUNE, five_minutes

Run = Callable[..., subprocess.CompletedProcess[str]]
HOUR = Timeframe("1h")

PIPELINE = """
[pipeline]
capital = 10_000
[data]
use = "store"
path = "data"
venue = "binance"
symbols = ["BTC/USDT"]
timeframe = "5m"
informative = ["1h"]
{more}
[strategy]
use = "trend"
[costs]
use = "binance-spot"
[sizer]
use = "fixed-fractional"
"""


def hours(without: tuple[int, ...] = (), count: int = 600) -> Any:
    """The hours of the first bars, some of them absent."""
    whole = resample(five_minutes(count), HOUR).bars
    return whole.where(~np.isin(np.arange(len(whole)), without))


def put(store: Store, bars: Any, **more: Any) -> None:
    store.add("binance", bars, source="an exchange", fetched_ns=JUNE, **more)


def ran(quantsail: Run, folder: Path, more: str = "") -> tuple[subprocess.CompletedProcess[str], dict[str, Any]]:
    (folder / "p.toml").write_text(PIPELINE.format(more=more))
    out = f"out{len(list(folder.glob('out*')))}"
    done = quantsail("run", "p.toml", "--out", out, "--json")
    manifest = folder / out / "manifest.json"
    return done, json.loads(manifest.read_text()) if manifest.exists() else {}


def test_gaps_of_informative_series_are_told_and_obey_the_policy(quantsail: Run, store: Store, tmp_path: Path) -> None:
    put(store, hours(without=(7, 8)))
    done, manifest = ran(quantsail, tmp_path)
    assert done.returncode == 0, done.stderr
    assert "BTC/USDT@1h: 1 gap (2 bars missing), kept" in manifest["notes"]
    assert manifest["informative"][0]["bars"] == 48
    assert ran(quantsail, tmp_path, 'gaps = "fill"')[1]["informative"][0]["bars"] == 50
    done, _ = ran(quantsail, tmp_path, 'gaps = "fail"')
    assert done.returncode == 2
    assert "BTC/USDT 1h: 1 gap (2 bars missing), the first after 2023-01-01 06:00 UTC" in done.stderr


def test_an_informative_series_without_a_bar_is_refused(quantsail: Run, store: Store, tmp_path: Path) -> None:
    put(store, attrs.evolve(hours(), time=hours().time + 400 * 86_400_000_000_000))
    done, _ = ran(quantsail, tmp_path)
    assert done.returncode == 2
    assert "BTC/USDT@1h: no bars from 2023-01-01 00:00 UTC to 2023-01-03 02:00 UTC" in done.stderr


def test_what_is_stored_after_the_end_of_a_run_does_not_change_it(quantsail: Run, store: Store, tmp_path: Path) -> None:
    put(store, hours())
    before = ran(quantsail, tmp_path)[1]["informative"]
    put(store, hours(count=1_200))
    assert ran(quantsail, tmp_path)[1]["informative"] == before


def test_a_range_that_the_store_does_not_have_is_told(quantsail: Run, store: Store, tmp_path: Path) -> None:
    _, manifest = ran(quantsail, tmp_path, "start = 2021-06-01\nend = 2024-06-01")
    assert manifest["notes"][:2] == [
        "BTC/USDT: asked from 2021-06-01 00:00 UTC, the candles begin 2023-01-01 00:00 UTC",
        "BTC/USDT: asked to 2024-06-01 00:00 UTC, the candles end 2023-01-03 02:00 UTC",
    ]


def test_resample_replaces_nothing_that_came_from_elsewhere(quantsail: Run, store: Store) -> None:
    own = attrs.evolve(hours(), volume=hours().volume + 1.0)
    put(store, own)
    done = quantsail("data", "resample", "BTC/USDT", "--from", "5m", "--to", "1h", "--to", "1d")
    assert (done.returncode, done.stdout) == (2, "")
    assert "BTC/USDT 1h is stored already, from an exchange; nothing was resampled" in done.stderr
    series = store.series("binance", "BTC/USDT", HOUR)
    assert series.bars_of_all().content_hash == own.content_hash
    assert store.timeframes("binance", "BTC/USDT") == [Timeframe("5m"), HOUR]
    forced = quantsail("data", "resample", "BTC/USDT", "--from", "5m", "--to", "1h", "--force")
    assert forced.returncode == 0
    assert series.bars_of_all().content_hash == hours().content_hash


def test_resampled_candles_can_be_made_again_and_still_be_fetched(quantsail: Run, store: Store) -> None:
    for _ in range(2):
        assert quantsail("data", "resample", "BTC/USDT", "--from", "5m", "--to", "1h").returncode == 0
    day = (JANUARY, JANUARY + 86_400_000_000_000)
    assert store.missing("binance", "BTC/USDT", HOUR, *day) == [day]


def test_one_length_that_cannot_be_made_stops_all(quantsail: Run, store: Store) -> None:
    assert quantsail("data", "resample", "BTC/USDT", "--from", "5m", "--to", "1h", "--to", "7m").returncode == 2
    assert store.timeframes("binance", "BTC/USDT") == [Timeframe("5m")]


def test_one_series_without_candles_in_range_stops_the_export(quantsail: Run, store: Store, tmp_path: Path) -> None:
    """BTC/USDT has bars on the third of January, ETH/USDT ends on the second."""
    assert quantsail("data", "export", "--to", "out", "--since", "2023-01-03").returncode == 2
    assert not (tmp_path / "out").exists()


def test_a_candle_that_has_not_closed_is_not_imported(quantsail: Run, tmp_path: Path) -> None:
    hour = 3_600_000
    forming = time.time_ns() // 1_000_000 // hour * hour
    rows = [f"{forming - back * hour},10,12,9,11,5" for back in (2, 1, 0)]
    (tmp_path / "BTC_USDT-1h.csv").write_text("timestamp,open,high,low,close,volume\n" + "\n".join(rows) + "\n")
    (row,) = json.loads(quantsail("data", "import", "BTC_USDT-1h.csv", "--venue", "mine", "--json").stdout)
    assert (row["bars"], row["new"]) == (2, 2)
    assert any("left out what had not closed: 1 candles" in note for note in row["notes"])


def test_a_broken_series_is_told_beside_the_others(quantsail: Run, store: Store) -> None:
    store.series("binance", "ETH/USDT", Timeframe("5m")).paths()[0].write_bytes(b"broken")
    done = quantsail("data", "list")
    assert done.returncode == 0
    assert [line.split()[1] for line in done.stdout.splitlines()[1:]] == ["BTC/USDT"]
    assert done.stderr.startswith("warning: data/binance/ETH%2FUSDT/5m/2023.parquet: cannot be read")
