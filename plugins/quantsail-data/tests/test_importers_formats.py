"""Each format's traps, in files small enough to be read here."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from quantsail_data.importers import FORMATS, Imported, ImportOptions, detect, parse_columns, read
from quantsail_data.importers.clock import zone
from quantsail_framework.errors import DataError

Write = Callable[..., Path]


def ns(*moment: int) -> int:
    return int(datetime(*moment, tzinfo=UTC).timestamp()) * 1_000_000_000  # type: ignore[misc]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(name: str, *lines: str, encoding: str = "utf-8", newline: str = "\n") -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(newline.join((*lines, "")).encode(encoding))
        return path

    return write


def load(path: Path, form: str | None = None, **options: Any) -> Imported:
    return read(path, form, ImportOptions(**options))


def refused(path: Path, form: str | None = None, **options: Any) -> str:
    with pytest.raises(DataError) as caught:
        load(path, form, **options)
    return str(caught.value).removeprefix(str(path)).lstrip(":, ")


def kline(time: int, close: float = 1.5) -> str:
    return f"{time},1,2,0.5,{close},10,{time + 1},15,3,5,7,0"


# binance-klines


@pytest.mark.parametrize("scale", [1, 1_000])
@pytest.mark.parametrize("header", [[], ["open_time,open,high,low,close,volume,close_time,quote_volume,a,b,c,ignore"]])
def test_klines(scale: int, header: list[str], write: Write) -> None:
    path = write("ETHBTC-1h-2023-01.csv", *header, kline(1672531200000 * scale), kline(1672534800000 * scale))
    found = load(path)
    assert (found.bars.symbol, found.bars.timeframe.text) == ("ETH/BTC", "1h")
    assert found.bars.time.tolist() == [ns(2023, 1, 1), ns(2023, 1, 1, 1)]
    assert (found.bars.close.tolist(), found.bars.volume.tolist()) == ([1.5, 1.5], [10.0, 10.0])
    assert found.source == "binance-klines ETHBTC-1h-2023-01.csv"


def test_klines_as_published_in_a_zip(tmp_path: Path) -> None:
    path = tmp_path / "any.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("1000SHIBUSDT-15m-2023-01-01.csv", kline(1672531200000))
    found = load(path)
    assert (found.bars.symbol, found.bars.timeframe.text) == ("1000SHIB/USDT", "15m")
    assert found.notes == ("taken for binance-klines: twelve columns, the first a time",)


def test_equal_rows_are_dropped_and_told(write: Write) -> None:
    path = write("ETHBTC-1h-2023-01.csv", kline(1672531200000), kline(1672531200000), kline(1672534800000))
    found = load(path, "binance-klines")
    assert len(found.bars) == 2
    assert found.notes == ("1 repeated row dropped, the first at line 2",)


def test_what_the_name_does_not_tell_is_asked_for(write: Write) -> None:
    path = write("data.csv", kline(1672531200000))
    assert refused(path) == "the file's name does not tell its symbol; give one, such as BTC/USDT"
    assert refused(path, symbol="A/B") == "the file's name does not tell its timeframe; give one, such as 1h"
    assert load(path, symbol="A/B", timeframe="1h").bars.symbol == "A/B"
    monthly = write("ETHBTC-1mo-2023-01.csv", kline(1672531200000))
    assert "calendar months have no fixed length" in refused(monthly)


def test_a_longer_step_than_the_timeframe_is_told(write: Write) -> None:
    path = write("ETHBTC-1m-2023-01.csv", kline(1672531200000), kline(1672534800000))
    assert load(path, "binance-klines").notes == ("no two candles are closer than 1h: is 1m right?",)


# cryptodatadownload


def test_cryptodatadownload_hours_of_half_days_newest_first(write: Write) -> None:
    rows = [f"2019-10-{day} {hour},BTCUSD,8000,8010,7990,8005,2,16000" for day, hour in CLOCK]
    banner = "Timestamps are UTC timezone,https://www.CryptoDataDownload.com"
    path = write("Coinbase_BTCUSD_1h.csv", banner, HEAD, *rows, newline="\r\n")
    bars = load(path, timeframe="1h").bars
    assert bars.time.tolist() == [ns(2019, 10, 17, hour) for hour in (0, 1, 11, 12, 13, 23)]
    assert bars.volume.tolist() == [2.0] * 6
    assert "17 13-PM' is not written like" in refused(
        write("x_BTCUSD_1h.csv", banner, HEAD, rows[0], rows[0].replace("11-PM", "13-PM"))
    )


CLOCK = [("17", "11-PM"), ("17", "01-PM"), ("17", "12-PM"), ("17", "11-AM"), ("17", "01-AM"), ("17", "12-AM")]
HEAD = "date,symbol,open,high,low,close,volume_btc,volume"


@pytest.mark.parametrize("scale", [1, 1_000])
def test_cryptodatadownload_with_unix_times_and_the_quote_volume_first(scale: int, write: Write) -> None:
    header = "Unix,Date,Symbol,Open,High,Low,Close,Volume USDT,Volume ETH,tradecount"
    path = write(
        "Binance_ETHUSDT_d.csv",
        header,
        f"{1672531200 * scale},2023-01-01 00:00:00,ETH/USDT,1200,1201,1199,1200,2400,2,9",
    )
    bars = load(path, "cryptodatadownload").bars
    assert (bars.symbol, bars.timeframe.text, bars.volume.tolist()) == ("ETH/USDT", "1d", [2.0])
    wrong = path.read_text().replace("2023-01-01", "2023-01-02")
    path.write_text(wrong)
    assert refused(path).startswith(f"line 2: unix {1672531200 * scale} is not the date 2023-01-02 00:00 UTC; repair")


def test_cryptodatadownload_volumes_are_put_right_row_by_row(write: Write) -> None:
    header = "unix,date,symbol,open,high,low,close,volume,Volume USD"
    row = "{},2023-01-01 {:02d}:00:00,BTC/USD,100,101,99,100,{},{}"
    pairs = [(5, 500), (500, 5), (0, 0), (5, 70)]
    lines = [row.format(1672531200 + 3600 * hour, hour, *pair) for hour, pair in enumerate(pairs)]
    found = load(write("BTC_USD-Hourly.csv", header, *reversed(lines)))
    assert found.bars.volume.tolist() == [5.0, 5.0, 0.0, 5.0]
    assert found.notes[1:] == (
        "base and quote volume were swapped in 1 row, line 4 to line 4: put right",
        "1 row with volumes that do not fit the price, the first at line 2: left as they are",
    )


# metatrader


@pytest.mark.parametrize(
    "name, lines",
    [
        ("EURUSD60.csv", ["2023.07.03,03:00,1.1,1.2,1.0,1.15,7"]),
        ("EURUSD60.csv", ["Date,Time,Open,High,Low,Close,Volume", "2023.07.03,03:00,1.1,1.2,1.0,1.15,7"]),
        (
            "EURUSD_H1_202307030000_202307040000.csv",
            [
                "<DATE>\t<TIME>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\t<VOL>\t<SPREAD>",
                "2023.07.03\t03:00:00\t1.1\t1.2\t1.0\t1.15\t7\t0\t2",
            ],
        ),
        ("EURUSD_H1.csv", ["2023.07.03\t03:00:00\t1.1\t1.2\t1.0\t1.15\t7\t0\t2"]),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_metatrader(name: str, lines: list[str], encoding: str, write: Write) -> None:
    path = write(name, *lines, encoding=encoding)
    found = load(path, zone="broker-new-york")
    assert (found.bars.symbol, found.bars.timeframe.text) == ("EUR/USD", "1h")
    assert found.bars.time.tolist() == [ns(2023, 7, 3)]
    assert (found.bars.open[0], found.bars.close[0], found.bars.volume[0]) == (1.1, 1.15, 7.0)


def test_metatrader_needs_a_zone(write: Write) -> None:
    path = write("EURUSD60.csv", "2023.07.03,03:00,1.1,1.2,1.0,1.15,7")
    assert refused(path).startswith("its times are of the broker's server, not UTC; give its zone: broker-new-york for")
    assert refused(path, zone="Athens") == refused_zone("Athens")


def refused_zone(name: str) -> str:
    with pytest.raises(DataError) as caught:
        zone(name)
    return str(caught.value)


def test_metatrader_days_of_the_broker_do_not_open_at_midnight_utc(write: Write) -> None:
    header = "<DATE>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\t<VOL>\t<SPREAD>"
    path = write("EURUSD_Daily.csv", header, "2023.07.03\t1.1\t1.2\t1.0\t1.15\t7\t0\t2")
    found = load(path, zone="UTC+3")
    assert found.bars.time.tolist() == [ns(2023, 7, 2, 21)]
    assert "1 candle not on a whole 1d of UTC, the first at 2023-07-02 21:00 UTC" not in found.notes
    path = write("EURUSD_Daily.csv", header, *[f"2023.07.0{day}\t1.1\t1.2\t1.0\t1.15\t7\t0\t2" for day in (3, 4)])
    assert "2 candles not on a whole 1d of UTC, the first at 2023-07-02 21:00 UTC" in load(path, zone="UTC+3").notes


# zones


@pytest.mark.parametrize(
    "name, local, hours",
    [
        ("UTC", (2023, 1, 1, 12), 0),
        ("UTC+2", (2023, 7, 1, 12), 2),
        ("UTC-5", (2023, 7, 1, 12), -5),
        ("UTC+5:30", (2023, 7, 1, 12), 5.5),
        ("Europe/Athens", (2023, 1, 1, 12), 2),
        ("Europe/Athens", (2023, 7, 1, 12), 3),
        ("broker-new-york", (2023, 1, 2, 12), 2),
        ("EET-US", (2023, 7, 3, 12), 3),
        # New York's clocks change on the second Sunday of March, Europe's on the last.
        ("broker-new-york", (2023, 3, 13, 0), 3),
        ("Europe/Athens", (2023, 3, 13, 0), 2),
        ("broker-new-york", (2023, 3, 12, 8, 59), 2),
        ("broker-new-york", (2023, 3, 12, 10), 3),
    ],
)
def test_zones(name: str, local: tuple[int, ...], hours: float, write: Write) -> None:
    times = zone(name).to_utc(np.array([ns(*local)]), "a.csv", lambda row: f"line {row}")
    assert times.tolist() == [ns(*local) - round(hours * 3_600_000_000_000)]


@pytest.mark.parametrize("name", ["Mars", "", "../etc/passwd", "UTC+15", "/etc/localtime", "x" * 10_000, "UTC\0"])
def test_zones_that_there_are_not(name: str) -> None:
    assert "give an IANA name such as Europe/Athens, a fixed one such as UTC+2, or broker" in refused_zone(name)


def local_times(*minutes: int) -> np.ndarray:
    """Minutes after 2023-10-29 00:00, the night on which Athens puts 04:00 back to 03:00 (01:00 UTC)."""
    return np.array([ns(2023, 10, 29) + minute * 60_000_000_000 for minute in minutes])


def test_the_hour_that_comes_twice() -> None:
    athens, where = zone("Europe/Athens"), ("a.csv", lambda row: f"line {row + 2}")
    times = local_times(150, 180, 210, 180, 210, 240)
    expected = [
        ns(2023, 10, 28, 23, 30),
        *(ns(2023, 10, 29, h, m) for h, m in ((0, 0), (0, 30), (1, 0), (1, 30), (2, 0))),
    ]
    assert athens.to_utc(times, *where).tolist() == expected
    assert athens.to_utc(times[::-1], *where).tolist() == expected[::-1]
    with pytest.raises(DataError) as caught:
        athens.to_utc(local_times(150, 180, 240), *where)
    assert str(caught.value).startswith("a.csv, line 3: 2023-10-29 03:00 comes twice in the zone Europe/Athens")


def test_the_hour_that_there_is_not() -> None:
    with pytest.raises(DataError) as caught:
        zone("Europe/Athens").to_utc(np.array([ns(2023, 3, 26, 3, 30)]), "a.csv", lambda row: f"line {row + 2}")
    assert str(caught.value) == (
        "a.csv, line 2: 2023-03-26 03:30 does not exist in the zone Europe/Athens, where clocks change then; "
        "give the zone in which the file was made, or a fixed one such as UTC+2"
    )


@given(st.integers(170_000, 500_000), st.sampled_from(["Europe/Athens", "America/New_York", "Asia/Kolkata"]))
def test_hours_of_utc_come_back_from_any_zone(hour: int, name: str) -> None:
    """A day of hours, written in the zone's time, is read as the same hours."""
    info = zone(name).info
    utc = np.arange(hour, hour + 24) * 3_600_000_000_000
    local = [datetime.fromtimestamp(time // 10**9, UTC).astimezone(info).replace(tzinfo=UTC) for time in utc.tolist()]
    naive = np.array([int(moment.timestamp()) * 10**9 for moment in local])
    first, last = (datetime.fromtimestamp(utc[end] // 10**9, UTC).astimezone(info) for end in (0, -1))
    # A file that begins or ends within the hour that comes twice does not show both of its passes.
    assume(all(end.replace(fold=0).utcoffset() == end.replace(fold=1).utcoffset() for end in (first, last)))
    assert zone(name).to_utc(naive, "a", str).tolist() == utc.tolist()


# freqtrade


@pytest.mark.parametrize(
    "name, symbol",
    [
        ("BTC_USDT-1h.json", "BTC/USDT"),
        ("BTC_USDT-1h.json.gz", "BTC/USDT"),
        ("BTC_USDT_USDT-1h-futures.json", "BTC/USDT:USDT"),
    ],
)
def test_freqtrade_names(name: str, symbol: str, tmp_path: Path) -> None:
    path = tmp_path / name
    data = json.dumps([[1672531200000, 1, 2, 0.5, 1.5, 10], [1672534800000, 1, 2, 0.5, 1.5, 10]], indent=1).encode()
    path.write_bytes(gzip.compress(data) if name.endswith("gz") else data)
    bars = load(path).bars
    assert (bars.symbol, bars.timeframe.text, len(bars)) == (symbol, "1h", 2)


def test_freqtrade_kinds_that_are_no_prices(write: Write) -> None:
    path = write("BTC_USDT_USDT-8h-funding_rate.json", "[]")
    assert refused(path, "freqtrade") == "holds funding_rate and no traded prices; import the file without that ending"


def test_freqtrade_trades_as_feather(tmp_path: Path) -> None:
    path = tmp_path / "XRP_ETH-trades.feather"
    columns = {
        "timestamp": [1672531200000, 1672531201000, 1672531260000],
        "id": ["1", "2", "3"],
        "price": [1.0, 2.0, 3.0],
        "amount": [1.0, 1.0, 1.0],
    }
    feather.write_feather(pa.table(columns), path, compression="lz4")
    bars = load(path, timeframe="1m").bars
    assert (bars.symbol, bars.close.tolist(), bars.volume.tolist()) == ("XRP/ETH", [2.0, 3.0], [2.0, 1.0])


# kraken-trades


def test_kraken_names_bitcoin_in_its_own_way(write: Write) -> None:
    path = write("XBTEUR.csv", "1672531200,10,1", "1672531200,12,1", "1672531205,11,2")
    bars = load(path, timeframe="1m").bars
    assert (bars.symbol, bars.open[0], bars.high[0], bars.close[0], bars.volume[0]) == ("BTC/EUR", 10, 12, 11, 4)


@pytest.mark.parametrize(
    "row, problem",
    [
        ("1672531199,1,1", "time is earlier than the row before; sort the file by time"),
        ("1672531200,0,1", "price is not a number above zero; repair or remove the row"),
        ("1672531200,1,-1", "amount is not a number from zero on; repair or remove the row"),
        ("1672531200,1,nan", "amount is not a number from zero on; repair or remove the row"),
    ],
)
def test_trades_that_cannot_be(row: str, problem: str, write: Write) -> None:
    path = write("XBTEUR.csv", "1672531200,10,1", row)
    assert refused(path, timeframe="1m").startswith("BTC/EUR, line 2 (")
    assert refused(path, timeframe="1m").endswith(problem)


# lean


@pytest.fixture
def lean(tmp_path: Path) -> Write:
    def lean(name: str, member: str, *lines: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(member, "\n".join(lines))
        return path

    return lean


def test_lean_shares_are_in_ten_thousandths_and_in_new_york_s_time(lean: Write) -> None:
    rows = ["34200000,6448000,6450000,6440000,6449900,90", "34260000,6448000,6450000,6440000,6449900,90"]
    path = lean("equity/usa/minute/aapl/20140605_trade.zip", "20140605_aapl_minute_trade.csv", *rows)
    assert refused(path) == "the file's name does not tell its symbol; give one, such as BTC/USDT"
    found = load(path, symbol="AAPL/USD")
    assert found.bars.time[0] == ns(2014, 6, 5, 13, 30)
    assert (found.bars.open[0], found.bars.close[0], found.bars.volume[0]) == (644.8, 644.99, 90.0)
    assert "taken for a share: prices divided by 10,000, times of America/New_York" in found.notes
    broken = lean(
        "equity/usa/minute/aapl/20140606_trade.zip", "20140606_aapl_minute_trade.csv", "0,644.8,645,644,644.9,1"
    )
    assert refused(broken, symbol="AAPL/USD") == "line 1: price 644.8 is no whole number of deci-cents"


def test_lean_days_of_a_tree(lean: Write) -> None:
    row = "20230703 00:00,1.1,1.2,1.0,1.15,5,1.2,1.3,1.1,1.25,6"
    path = lean("forex/oanda/daily/eurusd.zip", "eurusd.csv", row)
    found = load(path, side="ask")
    assert (found.bars.symbol, found.bars.timeframe.text) == ("EUR/USD", "1d")
    assert (found.bars.time[0], found.bars.close[0], found.bars.volume[0]) == (ns(2023, 7, 3), 1.25, 0.0)
    assert "bars of the ask; volume 0, since quotes trade nothing" in found.notes


def test_lean_currencies_of_fxcm_are_in_the_east_s_standard_time(lean: Write) -> None:
    row = "0,1.1,1.2,1.0,1.15,5,1.2,1.3,1.1,1.25,6"
    path = lean("forex/fxcm/minute/eurusd/20230703_quote.zip", "20230703_eurusd_minute_quote.csv", row)
    assert load(path).bars.time[0] == ns(2023, 7, 3, 5)
    assert load(path, zone="UTC").bars.time[0] == ns(2023, 7, 3)


def test_lean_rows_that_one_side_did_not_quote(lean: Write) -> None:
    rows = ["0,,,,,,1.2,1.3,1.1,1.25,6", "60000,1.1,1.2,1.0,1.15,5,1.2,1.3,1.1,1.25,6"]
    path = lean("20230703_quote.zip", "20230703_btcusd_minute_quote.csv", *rows)
    found = load(path)
    assert len(found.bars) == 1
    assert "1 row without a price of the bid side left out, the first at line 1" in found.notes
    assert len(load(path, side="ask").bars) == 2


@pytest.mark.parametrize(
    "member, row, problem",
    [
        ("20231341_btcusd_minute_trade.csv", "0,1,1,1,1,1", "20231341 in the name is no date"),
        (
            "20230703_btcusd_minute_trade.csv",
            "86400000,1,1,1,1,1",
            "line 1: time '86400000' is not a time of this format",
        ),
        ("20230703_btcusd_minute_trade.csv", "0,1,1,1,1", "5 cells a row; LEAN's bars have 6 (trades) or 11 (quotes)"),
        ("20230703_btcusd_tick_trade.csv", "0,1,1,1,1,1", "ticks of 6 cells, and those of shares, are not read"),
    ],
)
def test_lean_files_of_other_shapes(member: str, row: str, problem: str, lean: Write) -> None:
    assert problem in refused(lean("x.zip", member, row), "lean", timeframe="1m")


# csv, feather, parquet


@pytest.mark.parametrize(
    "lines, options",
    [
        (["time,open,high,low,close,volume", "2023-01-01T00:00Z,1,2,0.5,1.5,10"], {}),
        (["Date,Open,High,Low,Close,Vol", "2023-01-01 02:00+02:00,1,2,0.5,1.5,10"], {}),
        (
            ["timestamp;open;high;low;close;volume", "2023-01-01 00:00;1,0;2,0;0,5;1,5;10,0"],
            {"decimal": ",", "zone": "UTC"},
        ),
        (["a,b,c,d,e,f", "1672531200,1,2,0.5,1.5,10"], {"columns": "time=a,open=b,high=c,low=d,close=e,volume=f"}),
        (["1672531200000000,1.5,1,2,0.5,10"], {"columns": "time=1,close=2,open=3,high=4,low=5,volume=6"}),
        (
            ["d|t|o|h|l|c|v", "01.01.2023|01:00|1|2|0.5|1.5|10"],
            {
                "columns": "time=d+t,open=o,high=h,low=l,close=c,volume=v",
                "time_format": "%d.%m.%Y %H:%M",
                "zone": "Europe/Berlin",
            },
        ),
        (["time,open,high,low,close,volume", "1672531200,1,2,0.5,1.5,10"], {"time_format": "s", "delimiter": ","}),
    ],
)
def test_any_csv(lines: list[str], options: dict[str, Any], write: Write) -> None:
    if "columns" in options:
        options = {**options, "columns": parse_columns(options["columns"])}
    bars = load(write("BTC_USDT-1h.csv", *lines), "csv", **options).bars
    assert (bars.symbol, bars.timeframe.text, bars.time.tolist()) == ("BTC/USDT", "1h", [ns(2023, 1, 1)])
    assert [getattr(bars, name)[0] for name in ("open", "high", "low", "close", "volume")] == [1, 2, 0.5, 1.5, 10]


def test_csv_without_volume_and_newest_first(write: Write) -> None:
    path = write("EUR_USD-1h.csv", "time,open,high,low,close", "1672534800,2,2,2,2", "1672531200,1,1,1,1")
    found = load(path)
    assert (found.bars.open.tolist(), found.bars.volume.tolist()) == ([1.0, 2.0], [0.0, 0.0])
    assert "no volume: 0" in found.notes


@pytest.mark.parametrize(
    "lines, options, problem",
    [
        (
            ["2023-01-01 00:00,1,2,0.5,1.5,10"],
            {},
            "its times have no time zone; give one: UTC, or the zone of",
        ),
        (
            ["1672531200,1,2,0.5,1.5,10"],
            {"zone": "UTC"},
            "its times tell their zone themselves, or are counts",
        ),
        (
            ["1.672e9,1,2,0.5,1.5,10"],
            {},
            "line 2: '1.672e9' is no time of this format; for another one say how",
        ),
        (
            ["1672531200,1,2,0.5,1.5,10"],
            {"columns": {"tme": "x"}},
            "columns: a candle has no 'tme'; did you mean",
        ),
        (
            ["1672531200,1,2,0.5,1.5,10"],
            {"columns": {"time": "x"}},
            "no column 'x' among time, open, high, low",
        ),
        (["9999-12-31T00:00Z,1,2,0.5,1.5,10"], {}, "line 2: time '9999-12-31T00:00Z' is not a time"),
        (
            ["1672531200,1,2,0.5,1.5,10"],
            {"time_format": "%Q"},
            "line 2: time '1672531200' is not a time of this format",
        ),
        (['1672531200,"1.000,5",2,0.5,1.5,10'], {"decimal": ","}, "line 2: open '1.000,5' is not a decimal number"),
        (
            ["1672531200,1,2,0.5,1.5,10"],
            {"side": "bid"},
            "the format csv has no use for side; it takes symbol",
        ),
        (
            ["1672531200000,1,2,0.5,1.5,10"],
            {"time_format": "s"},
            "line 2: time 1672531200000 is in ms, that of",
        ),
    ],
)
def test_csv_that_cannot_be_read_as_asked(
    lines: list[str], options: dict[str, Any], problem: str, write: Write
) -> None:
    assert problem in refused(write("BTC_USDT-1h.csv", "time,open,high,low,close,volume", *lines), "csv", **options)


@pytest.mark.parametrize("kind", ["feather", "parquet"])
def test_any_table(kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"prices.{kind}"
    table = pa.table({"when": [1672531200], "o": [1.0], "high": [2.0], "low": [0.5], "Close": [1.5], "note": ["x"]})
    feather.write_feather(table, path) if kind == "feather" else pq.write_table(table, path)
    found = load(path, symbol="BTC/USDT", timeframe="1h", columns={"time": "when", "open": "o"})
    assert (found.bars.time.tolist(), found.bars.close.tolist()) == ([ns(2023, 1, 1)], [1.5])
    assert found.notes == (f"taken for {kind}: a {kind.replace('parquet', 'Parquet')} file", "no volume: 0")


# all


@pytest.mark.parametrize("text", ["time", "time=", "=x", "time=a,,open=b"])
def test_columns_that_are_not_written_as_pairs(text: str) -> None:
    with pytest.raises(DataError, match="is not written like time=Date,open=O"):
        parse_columns(text)


@pytest.mark.parametrize(
    "options, problem",
    [
        ({"timeframe": "1M"}, "calendar months have no fixed length"),
        ({"side": "both"}, "side 'both' is none of bid, ask, mid"),
        ({"decimal": ";"}, "decimal ';' is none of ., ,"),
        ({"delimiter": "tab"}, "delimiter 'tab' is not one character"),
    ],
)
def test_options_that_cannot_be(options: dict[str, Any], problem: str) -> None:
    with pytest.raises(DataError) as caught:
        ImportOptions(**options)
    assert problem in str(caught.value)


def test_a_format_that_there_is_not(write: Write) -> None:
    with pytest.raises(DataError) as caught:
        load(write("a.csv", "x"), "metatrade")
    assert str(caught.value) == f"no format named 'metatrade'; did you mean metatrader? There are {', '.join(FORMATS)}"


def test_detect_says_what_it_went_by(write: Write) -> None:
    path = write("EURUSD60.csv", "2023.07.03,03:00,1.1,1.2,1.0,1.15,7")
    assert (detect(path).format, detect(path).reason) == ("metatrader", "dates with points")
    with pytest.raises(DataError, match="of no known format; say which: binance-klines, cryptodatadownload, csv"):
        detect(write("a.csv", "hello"))


PROGRAM = """
import sys
from quantsail_data.importers import ImportOptions, read
folder = sys.argv[1]
for name, zone in (("EURUSD60.csv", "Europe/Athens"), ("ETHBTC-1h-2023-01.csv", None)):
    print(read(f"{folder}/{name}", None, ImportOptions(zone=zone)).bars.content_hash)
"""


def test_the_machine_s_zone_changes_nothing(write: Write, tmp_path: Path) -> None:
    write("EURUSD60.csv", *[f"2023.03.26,{hour:02d}:00,1.1,1.2,1.0,1.15,7" for hour in (0, 1, 2, 4, 5)])
    write("ETHBTC-1h-2023-01.csv", kline(1672531200000))
    found = {
        subprocess.run(
            [sys.executable, "-c", PROGRAM, str(tmp_path)],
            env={**os.environ, "TZ": name},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for name in ("UTC", "America/New_York", "Asia/Tokyo")
    }
    assert len(found) == 1
    assert found.pop().count("\n") == 2


def test_the_entry_point_of_the_plugin_imports_no_importer() -> None:
    program = (
        "import quantsail_data, sys; print([name for name in sys.modules if 'importers' in name or name == 'pyarrow'])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
