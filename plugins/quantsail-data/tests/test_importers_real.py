"""Every real file, against what is known of it from elsewhere."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from quantsail_data.importers import Imported, ImportOptions, read
from quantsail_framework.domain.bars import Bars
from quantsail_framework.domain.gaps import gaps_in, holes
from quantsail_framework.domain.timeframe import Timeframe, bucket_start
from quantsail_framework.errors import DataError

HOUR = 3_600_000_000_000
COLUMNS = ("open", "high", "low", "close", "volume")

Raw = Callable[..., Imported]


FILES = {
    "binance-klines/BTCUSDT-1h-2023-02.csv": {},
    "binance-klines/BTCUSDT-1h-2023-03.csv": {},
    "binance-klines/BTCUSDT-1h-2024-12.csv": {},
    "binance-klines/BTCUSDT-1h-2025-01.csv": {},
    "cryptodatadownload/BTC_USD-Hourly.csv": {},
    "cryptodatadownload/Coinbase_BTCUSD_1h.csv": {},
    "freqtrade/ADA_BTC-5m.feather": {},
    "freqtrade/ADA_USDT-30m.json": {},
    "freqtrade/UNITTEST_BTC-8m.json.gz": {"timeframe": "1m"},
    "freqtrade/XRP_ETH-trades.json.gz": {"timeframe": "1w"},
    "kraken-trades/BCHEUR.csv": {"timeframe": "1d"},
    "lean/coinbase-minute-btcusd-20180404_trade.zip": {},
    "lean/oanda-daily-gbpusd.zip": {},
    "lean/oanda-minute-eurusd-20140505_quote.zip": {},
    "lean/oanda-tick-eurusd-20140505_quote.zip": {"timeframe": "4h"},
    "mt4/EURUSD60-noheader.csv": {"zone": "Europe/Athens"},
    "mt4/EURUSD60.csv": {"zone": "broker-new-york"},
    "octobot/binance-ADA_BTC.data": {"timeframe": "1d"},
}
PROGRAM = """
import json, sys
from quantsail_data.importers import ImportOptions, read
for name, options in json.loads(sys.argv[2]).items():
    found = read(f"{sys.argv[1]}/{name}", None, ImportOptions(**options))
    print(name, found.bars.content_hash, *found.notes)
"""


def ns(*moment: int) -> int:
    return int(datetime(*moment, tzinfo=UTC).timestamp()) * 1_000_000_000  # type: ignore[misc]


@pytest.fixture
def raw(shared_data: Path) -> Raw:
    return lambda name, **options: read(shared_data / "raw" / name, None, ImportOptions(**options))


@pytest.fixture
def truth(shared_data: Path) -> Callable[..., dict[str, np.ndarray]]:
    def truth(name: str, start: int = 0, end: int = 2**62) -> dict[str, np.ndarray]:
        table = pq.read_table(shared_data / "ohlcv" / f"{name}.parquet")
        time = table.column("timestamp").to_numpy().astype("datetime64[ns]").astype(np.int64)
        kept = (start <= time) & (time < end)
        return {"time": time[kept]} | {name: table.column(name).to_numpy()[kept] for name in COLUMNS}

    return truth


def assert_equal(bars: Bars, truth: dict[str, np.ndarray]) -> None:
    for name in ("time", *COLUMNS):
        assert np.array_equal(getattr(bars, name), truth[name]), name


def daily(bars: Bars) -> dict[int, tuple[float, ...]]:
    """Open, high, low, close, volume by day, of days with 24 hours."""
    days = bucket_start(bars.time, Timeframe("1d"))
    found = {}
    for day in np.unique(days).tolist():
        rows = days == day
        if rows.sum() == 24:
            o, h, low, c, v = (getattr(bars, name)[rows] for name in COLUMNS)
            found[day] = (o[0], h.max(), low.min(), c[-1], v.sum())
    return found


@pytest.mark.parametrize("month, count", [(2, 672), (3, 743)])
def test_binance_klines_with_a_header(month: int, count: int, raw: Raw, truth: Callable[..., Any]) -> None:
    bars = raw(f"binance-klines/BTCUSDT-1h-2023-0{month}.csv").bars
    assert (bars.symbol, bars.timeframe.text, len(bars)) == ("BTC/USDT", "1h", count)
    assert_equal(bars, truth("binance/BTC_USDT-1h", ns(2023, month, 1), ns(2023, month + 1, 1)))


def test_binance_klines_change_their_unit_at_the_turn_of_2025(raw: Raw) -> None:
    before = raw("binance-klines/BTCUSDT-1h-2024-12.csv").bars
    after = raw("binance-klines/BTCUSDT-1h-2025-01.csv").bars
    assert (before.time[0], after.time[0], after.time[-1]) == (ns(2024, 12, 1), ns(2025, 1, 1), ns(2025, 1, 31, 23))
    time = np.concatenate([before.time, after.time])
    assert (np.diff(time) == HOUR).all()
    assert len(time) == 2 * 744
    assert before.close[-1] == after.open[0] == 93_576.0


def test_freqtrade_json(raw: Raw) -> None:
    bars = raw("freqtrade/ADA_USDT-30m.json").bars
    assert (bars.symbol, bars.timeframe.text) == ("ADA/USDT", "30m")
    assert gaps_in(bars.time, bars.timeframe).missing == 4
    assert (bars.time[0], bars.open[0], bars.volume[0]) == (ns(2021, 9, 24, 8, 30), 2.327, 4237160.0999999996)


def test_freqtrade_feather(raw: Raw) -> None:
    bars = raw("freqtrade/ADA_BTC-5m.feather").bars
    assert (bars.symbol, bars.timeframe.text) == ("ADA/BTC", "5m")
    gaps = gaps_in(bars.time, bars.timeframe)
    assert (gaps.count, gaps.missing) == (5, 40)


def test_freqtrade_gzipped_json_of_another_timeframe_than_its_name_says(raw: Raw) -> None:
    """Its candles are a minute apart, so they cannot be of eight."""
    with pytest.raises(DataError, match=r"row 1 .*opens 1m after the candle before, so these are no 8m candles"):
        raw("freqtrade/UNITTEST_BTC-8m.json.gz")
    found = raw("freqtrade/UNITTEST_BTC-8m.json.gz", timeframe="1m")
    assert (found.bars.symbol, len(found.bars)) == ("UNITTEST/BTC", 13_681)
    assert "named 8m, read as 1m as asked" in found.notes


@pytest.mark.parametrize("timeframe", ["1m", "5m"])
def test_freqtrade_trades(timeframe: str, raw: Raw, truth: Callable[..., Any]) -> None:
    bars = raw("freqtrade/XRP_ETH-trades.json.gz", timeframe=timeframe).bars
    assert bars.symbol == "XRP/ETH"
    assert_equal(bars, truth(f"binance-2019/XRP_ETH-{timeframe}"))


def test_kraken_trades(raw: Raw, shared_data: Path) -> None:
    found = raw("kraken-trades/BCHEUR.csv", timeframe="1h")
    assert (found.bars.symbol, found.bars.time[0]) == ("BCH/EUR", ns(2023, 1, 1))
    lines = (shared_data / "raw/kraken-trades/BCHEUR.csv").read_text().split()
    total = sum(float(line.split(",")[2]) for line in lines)
    assert found.bars.volume.sum() == pytest.approx(total, rel=1e-12)
    assert found.bars.open[0] == 90.54
    assert found.notes[1].startswith("148 trades, 2023-01-01 00:03:56 UTC to ")
    with pytest.raises(DataError, match="does not tell its timeframe; give one, such as 1h"):
        raw("kraken-trades/BCHEUR.csv")


def test_cryptodatadownload_of_coinbase(raw: Raw, truth: Callable[..., Any]) -> None:
    found = raw("cryptodatadownload/Coinbase_BTCUSD_1h.csv")
    bars = found.bars
    assert (bars.symbol, bars.timeframe.text, len(bars)) == ("BTC/USD", "1h", 20_111)
    assert (bars.time[0], bars.time[-1]) == (ns(2017, 7, 1, 11), ns(2019, 10, 17, 9))
    assert (bars.close[-1], bars.volume[-1]) == (8_035.88, 61.25)
    # A part of the file before 2017-11-12 is in New York's time: five candles are there at both times.
    assert "5 rows out of order, the first at line 16901: sorted" in found.notes
    assert any(
        "5 candles are there twice, 5 candles apart, the first copy at 2017-11-12 04:00" in n for n in found.notes
    )


def test_cryptodatadownload_hours_are_of_utc_days(raw: Raw, truth: Callable[..., Any]) -> None:
    bars = raw("cryptodatadownload/Coinbase_BTCUSD_1h.csv").bars
    # The daily file of the same service, since the time from which its hours are of UTC.
    days = truth("coinbase/BTC_USD-1d", ns(2017, 11, 13), ns(2019, 10, 16))
    hours = daily(bars)
    off = [
        abs(hours[time][3] / close - 1.0)
        for time, close in zip(days["time"].tolist(), days["close"], strict=True)
        if time in hours
    ]
    assert len(off) > 600
    assert np.median(off) == 0.0


def test_cryptodatadownload_of_bitstamp_has_its_volumes_put_right(raw: Raw) -> None:
    found = raw("cryptodatadownload/BTC_USD-Hourly.csv")
    bars = found.bars
    assert len(bars) == 33_259
    assert "base and quote volume were swapped in 20,143 rows, line 12114 to line 33260: put right" in found.notes
    rows = {time: row for row, time in enumerate(bars.time.tolist())}
    assert bars.volume[rows[ns(2018, 5, 15, 6)]] == 559.93
    assert bars.volume[rows[ns(2020, 10, 12, 8)]] == 139.7
    assert bars.volume[rows[ns(2022, 3, 1)]] == 52.05632
    assert bars.volume.max() < 25_000  # bitcoins an hour, not dollars


def off_pips(bars: Bars, truth: dict[str, np.ndarray]) -> np.ndarray:
    closes = dict(zip(truth["time"].tolist(), truth["close"].tolist(), strict=True))
    return np.array(
        [
            abs(close - closes[time]) * 10_000
            for time, close in zip(bars.time.tolist(), bars.close, strict=True)
            if time in closes
        ]
    )


def test_metatrader_in_the_zone_of_its_broker(raw: Raw, truth: Callable[..., Any]) -> None:
    oanda = truth("oanda-bid/EUR_USD-1h")
    bars = raw("mt4/EURUSD60.csv", zone="Europe/Athens").bars
    assert (bars.symbol, bars.timeframe.text, len(bars)) == ("EUR/USD", "1h", 3_070)
    assert (bars.time[0], bars.time[-1]) == (ns(2013, 11, 29, 10), ns(2014, 5, 30, 20))
    right = off_pips(bars, oanda)
    assert len(right) > 3_000
    assert np.median(right) < 1.0
    for wrong in ("UTC", "UTC+1", "UTC+4", "America/New_York"):
        assert np.median(off_pips(raw("mt4/EURUSD60.csv", zone=wrong).bars, oanda)) > 3.0


def test_metatrader_between_the_clock_changes_of_new_york_and_europe(raw: Raw, truth: Callable[..., Any]) -> None:
    """From 2014-03-10 to 2014-03-28 New York had summer time and Europe had not: only there the rules differ."""
    between = truth("oanda-bid/EUR_USD-1h", ns(2014, 3, 10), ns(2014, 3, 28))
    assert np.median(off_pips(raw("mt4/EURUSD60.csv", zone="Europe/Athens").bars, between)) < 1.0
    assert np.median(off_pips(raw("mt4/EURUSD60.csv", zone="broker-new-york").bars, between)) > 3.0


def test_metatrader_without_a_header(raw: Raw) -> None:
    found = raw("mt4/EURUSD60-noheader.csv", zone="UTC+2")
    bars = found.bars
    assert (len(bars), bars.time[0], bars.time[-1]) == (180, ns(2003, 5, 12, 14), ns(2003, 5, 22, 1))
    assert (bars.open[0], bars.close[-1], bars.volume[-1]) == (1.1559, 1.1648, 300.0)
    assert "volume counts ticks, not what was traded" in found.notes


@pytest.mark.parametrize("side, folder", [("bid", "oanda-bid"), ("ask", "oanda-ask")])
@pytest.mark.parametrize("kind", ["minute", "tick"])
def test_lean_quotes(kind: str, side: str, folder: str, raw: Raw, truth: Callable[..., Any]) -> None:
    bars = raw(f"lean/oanda-{kind}-eurusd-20140505_quote.zip", timeframe="1m", side=side).bars
    assert (bars.symbol, len(bars)) == ("EUR/USD", 1_350)
    assert_equal(bars, truth(f"{folder}/EUR_USD-1m", ns(2014, 5, 5), ns(2014, 5, 6)))


def test_lean_mid(raw: Raw) -> None:
    sides = [raw("lean/oanda-minute-eurusd-20140505_quote.zip", side=side).bars for side in ("bid", "ask", "mid")]
    assert np.array_equal(sides[2].close, (sides[0].close + sides[1].close) / 2)


def test_lean_days(raw: Raw) -> None:
    bars = raw("lean/oanda-daily-gbpusd.zip").bars
    assert (bars.symbol, bars.timeframe.text, len(bars)) == ("GBP/USD", "1d", 3_738)
    assert (bars.time[0], bars.time[-1], bars.close[-1]) == (ns(2007, 1, 1), ns(2018, 12, 31), 1.27541)


def test_lean_trades(raw: Raw) -> None:
    bars = raw("lean/coinbase-minute-btcusd-20180404_trade.zip").bars
    assert (bars.symbol, bars.timeframe.text, len(bars)) == ("BTC/USD", "1m", 1_007)
    assert (bars.time[0], bars.time[1]) == (ns(2018, 4, 4), ns(2018, 4, 4, 0, 1))
    assert (bars.open[0], bars.volume[0]) == (7_424.91, 7.14319709)


def test_octobot_times_are_opens_and_the_forming_candle_is_left_out(raw: Raw) -> None:
    name = "octobot/binance-ADA_BTC.data"
    with pytest.raises(DataError, match="say which series, by symbol and timeframe; it has ADA/BTC 12h, ADA/BTC 15m,"):
        raw(name)
    found = raw(name, timeframe="1m", symbol="ADA/BTC")
    bars = found.bars
    assert (bars.time[0], bars.open[0], bars.volume[0]) == (ns(2018, 7, 22, 12, 14), 2.283e-05, 46_886.0)
    # The file was made at 20:33:35: the minute from 20:33 on had not closed, nor had the hour from 20:00 on.
    assert bars.time[-1] == ns(2018, 7, 22, 20, 32)
    assert "1 candle left out that had not closed when the file was made" in raw(name, timeframe="1h").notes


@pytest.mark.parametrize("timeframe", ["3m", "5m", "15m", "30m", "1h", "2h", "4h", "8h", "12h", "1d", "1w"])
def test_octobot_timeframes_agree(timeframe: str, raw: Raw) -> None:
    """Where two series open a candle at the same time, it opens at the same price."""
    found = raw("octobot/binance-ADA_BTC.data", timeframe=timeframe)
    assert (bucket_start(found.bars.time, Timeframe(timeframe)) == found.bars.time).all()
    finer = raw("octobot/binance-ADA_BTC.data", timeframe="1m" if found.bars.timeframe.ns < HOUR else "30m").bars
    both = np.intersect1d(found.bars.time, finer.time)
    opens = [bars.open[np.isin(bars.time, both)] for bars in (found.bars, finer)]
    assert np.array_equal(*opens)
    assert all(end - start > 0 for start, end in holes(found.bars.time, found.bars.timeframe))


def test_octobot_days_by_three_are_counted_by_the_exchange_and_not_from_1970(raw: Raw) -> None:
    found = raw("octobot/binance-ADA_BTC.data", timeframe="3d")
    assert found.bars.time[0] == ns(2017, 11, 30)
    assert any("78 candles not on a whole 3d of UTC, the first at 2017-11-30 00:00 UTC" in note for note in found.notes)


def test_octobot_months_are_refused(shared_data: Path) -> None:
    with pytest.raises(DataError, match="calendar months have no fixed length"):
        ImportOptions(timeframe="1M")


def test_every_file_is_tried_here(shared_data: Path) -> None:
    raw = shared_data / "raw"
    there = {path.relative_to(raw).as_posix() for path in raw.rglob("*") if path.is_file() and path.name != "README.md"}
    assert there == set(FILES)


def test_the_machine_s_zone_changes_no_file(shared_data: Path) -> None:
    found = {
        subprocess.run(
            [sys.executable, "-c", PROGRAM, str(shared_data / "raw"), json.dumps(FILES)],
            env={**os.environ, "TZ": name},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for name in ("UTC", "America/New_York", "Asia/Tokyo")
    }
    assert len(found) == 1
    assert len(found.pop().splitlines()) == len(FILES)
