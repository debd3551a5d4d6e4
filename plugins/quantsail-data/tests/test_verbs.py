"""list, show, resample and export: what they print and write, and what they say when something is wrong."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pyarrow.feather as pf
import pytest

from quantsail_framework import Instrument, Timeframe, load_pipeline
from quantsail_framework.ports.data_source import BarRequest
from quantsail_framework.store import Store
from tests.store.made import JUNE, five_minutes

Run = Callable[..., subprocess.CompletedProcess[str]]

HOUR, DAY, FIVE = Timeframe("1h"), Timeframe("1d"), Timeframe("5m")


def test_list_shows_span_bars_and_gaps(quantsail: Run, store: Store) -> None:
    store.add("kraken", five_minutes(20, "ETH/EUR", without=(3, 4, 9)), source="test", fetched_ns=JUNE)
    header, *rows = quantsail("data", "list").stdout.splitlines()
    assert header.split() == ["VENUE", "SYMBOL", "TIMEFRAME", "BARS", "FIRST", "LAST", "GAPS", "MISSING", "SIZE"]
    assert [row.split()[:10] for row in rows] == [
        ["binance", "BTC/USDT", "5m", "600", "2023-01-01", "00:00", "UTC", "2023-01-03", "01:55", "UTC"],
        ["binance", "ETH/USDT", "5m", "300", "2023-01-01", "00:00", "UTC", "2023-01-02", "00:55", "UTC"],
        ["kraken", "ETH/EUR", "5m", "17", "2023-01-01", "00:00", "UTC", "2023-01-01", "01:35", "UTC"],
    ]
    assert rows[2].split()[10:12] == ["2", "3"]


def test_list_for_programs(quantsail: Run, store: Store) -> None:
    one, other = json.loads(quantsail("data", "list", "--json").stdout)
    assert (one["symbol"], one["bars"], one["first"]) == ("BTC/USDT", 600, "2023-01-01T00:00:00+00:00")
    entry = store.entry("binance", "ETH/USDT", FIVE)
    assert entry is not None
    assert other["content_hash"] == entry.content_hash


def test_names_that_are_not_stored(quantsail: Run, store: Store) -> None:
    cases = {
        ("BTC/USD",): "error: no symbol 'BTC/USD' is stored; did you mean BTC/USDT?\n",
        ("--venue", "binanec"): "error: no venue 'binanec' is stored; did you mean binance?\n",
        ("-t", "1h"): "error: no timeframe '1h' is stored; there are 5m\n",
        ("--store", "nowhere"): "error: nowhere: nothing is stored; fill it with `quantsail data fetch`",
    }
    for arguments, text in cases.items():
        done = quantsail("data", "list", *arguments)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith(text)


def test_a_timeframe_that_is_none(quantsail: Run, store: Store) -> None:
    done = quantsail("data", "list", "-t", "5min")
    assert done.returncode == 2
    assert "timeframe '5min' is not a count and one of s, m, h, d, w" in done.stderr


def test_show_tells_rules_parts_gaps_and_candles(quantsail: Run, store: Store) -> None:
    rules = Instrument("XRP/USDT", Decimal("0.0001"), Decimal("0.1"), 5.0)
    store.save_instruments("binance", [rules])
    store.add("binance", five_minutes(30, "XRP/USDT", without=(10, 11)), source="a file", fetched_ns=JUNE)
    text = quantsail("data", "show", "XRP/USDT").stdout
    assert text.startswith(
        "binance XRP/USDT 5m: 28 bars, 1 gap\nmarket rules: tick 0.0001, lot 0.1, min_notional 5.0\n"
    )
    assert ["2023", "28", "2023-06-01T00:00:00+00:00", "a", "file"] in [line.split() for line in text.splitlines()]
    assert "2023-01-01T00:50:00+00:00  2023-01-01T01:00:00+00:00     2" in text
    assert text.splitlines()[-1].startswith("2023-01-01 02:25 UTC")
    about = json.loads(quantsail("data", "show", "XRP/USDT", "--json").stdout)
    assert about["holes"] == [{"start": "2023-01-01T00:50:00+00:00", "end": "2023-01-01T01:00:00+00:00", "bars": 2}]


def test_show_wants_one_series(quantsail: Run, store: Store) -> None:
    quantsail("data", "resample", "BTC/USDT", "--from", "5m", "--to", "1h")
    done = quantsail("data", "show", "BTC/USDT")
    assert done.returncode == 2
    assert done.stderr == ("error: BTC/USDT is stored as binance 5m, binance 1h; choose with --venue and --timeframe\n")
    assert quantsail("data", "show", "BTC/USDT", "-t", "1h").stdout.startswith("binance BTC/USDT 1h: 50 bars")


def test_resample_stores_longer_candles(quantsail: Run, store: Store) -> None:
    done = quantsail("data", "resample", "--from", "5m", "--to", "1h", "--to", "1d")
    assert [row.split() for row in done.stdout.splitlines()[1:]] == [
        ["binance", "BTC/USDT", "1h", "50", "50", "0", "0"],
        ["binance", "BTC/USDT", "1d", "2", "2", "0", "0"],
        ["binance", "ETH/USDT", "1h", "25", "25", "0", "0"],
        ["binance", "ETH/USDT", "1d", "1", "1", "0", "0"],
    ]
    short, long = five_minutes(12), store.bars("binance", BarRequest("BTC/USDT", HOUR))
    assert (long.open[0], long.close[0]) == (short.open[0], short.close[-1])
    assert (long.high[0], long.low[0], long.volume[0]) == (short.high.max(), short.low.min(), short.volume.sum())


@pytest.mark.parametrize(("choice", "bars"), [("keep", 2), ("drop", 1)])
def test_incomplete_candles_are_counted_and_kept_or_dropped(
    quantsail: Run, tmp_path: Path, choice: str, bars: int
) -> None:
    Store(tmp_path / "data").add("x", five_minutes(24, without=(3,)), source="test", fetched_ns=JUNE)
    done = quantsail("data", "resample", "--from", "5m", "--to", "1h", "--incomplete", choice, "--json")
    (row,) = json.loads(done.stdout)
    assert (row["bars"], row["incomplete"], row["incomplete_at"]) == (bars, 1, ["2023-01-01T00:00:00+00:00"])


def test_resample_to_what_is_no_multiple(quantsail: Run, store: Store) -> None:
    done = quantsail("data", "resample", "--from", "5m", "--to", "7m")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "error: BTC/USDT: 7m bars cannot be made of 5m bars, it is no multiple\n"


@pytest.mark.parametrize("form", ["parquet", "csv"])
def test_what_is_exported_is_what_a_pipeline_reads(quantsail: Run, store: Store, tmp_path: Path, form: str) -> None:
    done = quantsail("data", "export", "BTC/USDT", "--to", "out", "--format", form, "--since", "2023-01-02")
    assert done.stdout == f"out/BTC_USDT-5m.{form}: 312 bars\n"
    file = tmp_path / "pipeline.toml"
    file.write_text(PIPELINE.format(source=f'use = "{form}"\npath = "out"'))
    (bars,) = load_pipeline(file).source.bars([BarRequest("BTC/USDT", FIVE)])
    assert bars.content_hash == five_minutes().slice(288, 600).content_hash


def test_export_for_freqtrade_has_its_columns(quantsail: Run, store: Store, tmp_path: Path) -> None:
    assert quantsail("data", "export", "--to", "out", "--format", "freqtrade").returncode == 0
    table = pf.read_table(tmp_path / "out" / "ETH_USDT-5m.feather")
    assert table.column_names == ["date", "open", "high", "low", "close", "volume"]
    assert (str(table["date"].type), table.num_rows) == ("timestamp[ms, tz=UTC]", 300)


def test_export_replaces_nothing_unasked(quantsail: Run, store: Store, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "ETH_USDT-5m.csv").write_text("mine")
    done = quantsail("data", "export", "--to", "out", "--format", "csv")
    assert done.returncode == 2
    assert done.stderr == (
        "error: out/ETH_USDT-5m.csv exists; choose another folder with --to, or replace it with --force\n"
    )
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["ETH_USDT-5m.csv"]
    assert quantsail("data", "export", "--to", "out", "--format", "csv", "--force").returncode == 0
    assert (tmp_path / "out" / "ETH_USDT-5m.csv").read_text() != "mine"


def test_two_series_of_one_file_name_are_not_mixed_up(quantsail: Run, store: Store) -> None:
    store.add("kraken", five_minutes(20, "ETH/USDT"), source="test", fetched_ns=JUNE)
    done = quantsail("data", "export", "--to", "out")
    assert done.returncode == 2
    assert "binance ETH/USDT, kraken ETH/USDT would all have this name; export them one by one" in done.stderr


def test_an_empty_range_is_not_exported(quantsail: Run, store: Store, tmp_path: Path) -> None:
    done = quantsail("data", "export", "BTC/USDT", "--to", "out", "--since", "2024-01-01")
    assert done.returncode == 2
    assert done.stderr == "error: binance BTC/USDT 5m: no candles in that range to export\n"
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("text", ["yesterday", "2023-01-31T12:00"])
def test_times_without_zone_are_refused(quantsail: Run, store: Store, text: str) -> None:
    done = quantsail("data", "export", "--to", "out", "--since", text)
    assert done.returncode == 2
    assert ("has no time zone; write 2023-01-31T12:00Z" in done.stderr) or ("is not a date such as" in done.stderr)


PIPELINE = """
[pipeline]
capital = 10_000
[data]
{source}
symbols = ["BTC/USDT"]
timeframe = "5m"
[strategy]
use = "trend"
[costs]
use = "binance-spot"
[sizer]
use = "fixed-fractional"
"""


def test_a_pipeline_reads_the_store_with_its_markets_rules(quantsail: Run, store: Store, tmp_path: Path) -> None:
    store.save_instruments("binance", [Instrument("BTC/USDT", Decimal("0.05"), Decimal("0.001"), 20.0)])
    (tmp_path / "pipeline.toml").write_text(PIPELINE.format(source='use = "store"\npath = "data"\nvenue = "binance"'))
    done = quantsail("run", "pipeline.toml", "--json", "--out", "out")
    assert done.returncode == 0, done.stderr
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    (about,) = manifest["symbols"]
    assert about["sha256"] == five_minutes().content_hash
    assert about["rules"] == {"tick": "0.05", "lot": "0.001", "min_notional": 20.0}


def test_an_informative_series_is_made_where_the_store_lacks_it(quantsail: Run, store: Store, tmp_path: Path) -> None:
    source = 'use = "store"\npath = "data"\nvenue = "binance"\ninformative = ["1h", "ETH/USDT@30m"]'
    text = PIPELINE.format(source=source)
    (tmp_path / "pipeline.toml").write_text(text)
    assert quantsail("run", "pipeline.toml", "--json").returncode == 0
    (tmp_path / "pipeline.toml").write_text(text.replace("30m", "7m"))
    done = quantsail("run", "pipeline.toml", "--json")
    assert done.returncode == 2
    assert "no candles of ETH/USDT 7m of binance are stored; it has ETH/USDT in 5m" in done.stderr
