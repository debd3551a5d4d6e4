"""The shipped candles: the figures and facts that the README states."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from quantsail_framework.domain.bars import Bars, utc
from quantsail_framework.domain.timeframe import Timeframe
from quantsail_framework.errors import DataError
from quantsail_framework.ports.data_source import BarRequest
from quantsail_samples.samples import CANDLES, SamplesSource


def load(symbol: str, timeframe: str, **bounds: int) -> Bars:
    return next(SamplesSource().bars([BarRequest(symbol, Timeframe(timeframe), **bounds)]))


def ns(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1_000_000_000


def row(bars: Bars, index: int) -> tuple[str, float, float, float, float, float]:
    values = (float(getattr(bars, name)[index]) for name in ("open", "high", "low", "close", "volume"))
    return (f"{utc(bars.time[index]):%Y-%m-%d %H:%M}", *values)


def test_eur_usd() -> None:
    bars = load("EUR/USD", "1h")
    assert len(bars) == 6_225
    assert row(bars, 0) == ("2017-01-01 22:00", 1.05236, 1.05253, 1.05221, 1.05227, 143539993.3)
    assert row(bars, -1) == ("2017-12-29 21:00", 1.19984, 1.2013, 1.19931, 1.20075, 4885529785.0)
    assert (bars.volume > 0).all()


def test_googl() -> None:
    bars = load("GOOGL/USD", "1d")
    assert len(bars) == 2_335
    assert row(bars, 0) == ("2009-05-22 00:00", 198.528534, 199.524521, 196.196198, 196.946945, 3433700.0)
    assert row(bars, -1) == ("2018-08-29 00:00", 1255.0, 1267.170044, 1252.800049, 1264.650024, 1846300.0)
    assert not (bars.time % Timeframe("1d").ns).any()


def test_eur_usd_times_are_utc() -> None:
    """The week of this market opens on Sunday at 17:00 in New York; the file's hours follow its clock changes only
    when they are read as UTC. Christmas is the exception."""
    time = load("EUR/USD", "1h").time
    after_a_break = [utc(moment) for moment in (time[0], *time[1:][np.diff(time) > 24 * Timeframe("1h").ns])]
    opens = [moment.astimezone(ZoneInfo("America/New_York")) for moment in after_a_break]
    assert len(opens) == 52
    assert [moment for moment in opens if moment.hour != 17] == [datetime(2017, 12, 24, 18, tzinfo=opens[0].tzinfo)]
    assert {moment.weekday() for moment in opens} == {6}
    assert {moment.hour for moment in after_a_break} == {21, 22, 23}


def test_googl_is_adjusted_for_the_split_of_2014() -> None:
    """On 2014-04-03 the holders of one share got a second one: an unadjusted series halves there."""
    bars = load("GOOGL/USD", "1d", start_ns=ns("2014-04-02"), end_ns=ns("2014-04-04"))
    assert bars.close.tolist() == [568.118103, 571.5]


@pytest.mark.parametrize("symbol, timeframe", CANDLES.items())
def test_files_hold_what_the_reader_relies_on(symbol: str, timeframe: str) -> None:
    name = f"{symbol.replace('/', '_')}-{timeframe}.parquet"
    with files("quantsail_samples").joinpath("candles", name).open("rb") as stream:
        table = pq.ParquetFile(stream).read()
    assert table.schema.names == ["timestamp", "open", "high", "low", "close", "volume"]
    assert table.schema.types == [pa.timestamp("ms", "UTC"), *[pa.float64()] * 5]
    assert all(column.null_count == 0 for column in table.columns)
    assert table.schema.metadata is None


def test_figures_do_not_change() -> None:
    hashes = [load(symbol, timeframe).content_hash for symbol, timeframe in CANDLES.items()]
    assert hashes == [
        "6c42c3745bb1d3df0d84f60f9b592f6a048a90051031a59ae010ea93e1576572",
        "8fccccb8693e1c6cfc59bc27133cd11d869b1a2995779bd1a9da5d06a9da2be1",
    ]


def test_range_and_warmup() -> None:
    bars = load("EUR/USD", "1h", start_ns=ns("2017-01-08"), end_ns=ns("2017-01-09"), warmup=2)
    # The week ends on Friday at 21:00 and the next opens on Sunday at 22:00.
    opens = [utc(moment) for moment in bars.time]
    friday, sunday = datetime(2017, 1, 6, 20, tzinfo=UTC), datetime(2017, 1, 8, 22, tzinfo=UTC)
    assert opens == [friday, friday + timedelta(hours=1), sunday, sunday + timedelta(hours=1)]


@pytest.mark.parametrize(
    "symbol, timeframe, text",
    [
        ("EURUSD", "1h", "samples: no candles of EURUSD 1h; did you mean 'EUR/USD'? the package has "),
        ("GOOGL", "1d", "samples: no candles of GOOGL 1d; did you mean 'GOOGL/USD'? the package has "),
        ("EUR/USD", "5m", "samples: no candles of EUR/USD 5m; the package has "),
        ("BTC/USDT", "1d", "samples: no candles of BTC/USDT 1d; the package has "),
    ],
)
def test_what_is_not_there(symbol: str, timeframe: str, text: str) -> None:
    with pytest.raises(DataError) as caught:
        load(symbol, timeframe)
    assert str(caught.value) == text + "EUR/USD 1h and GOOGL/USD 1d"


def test_a_load_imports_no_pandas() -> None:
    code = (
        "import sys; from quantsail_samples.samples import SamplesSource;"
        "from quantsail_framework.domain.timeframe import Timeframe;"
        "from quantsail_framework.ports.data_source import BarRequest;"
        "assert 'pyarrow' not in sys.modules;"
        "print(len(next(SamplesSource().bars([BarRequest('EUR/USD', Timeframe('1h'))]))), 'pandas' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.stderr) == ("6225 False", "")
