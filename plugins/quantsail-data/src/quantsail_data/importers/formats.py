"""The formats that can be imported, and which of them a file most likely is."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import attrs

from quantsail_data.importers.candles import Job
from quantsail_data.importers.names import freqtrade_name, klines_name, stem
from quantsail_data.importers.streams import first_bytes, opened_text, packing
from quantsail_framework.domain.bars import Bars
from quantsail_framework.domain.from_file import shown
from quantsail_framework.errors import DataError

_COMMON = ("symbol", "timeframe")


@attrs.frozen
class Format:
    """A kind of file: its name, the module that reads it, and the options that it has a use for beside symbol and
    timeframe."""

    name: str
    module: str
    summary: str
    options: tuple[str, ...] = ()

    def read(self, job: Job) -> Bars:
        """The candles of the file of ``job``."""
        bars: Bars = import_module(f"quantsail_data.importers.{self.module}").read(job)
        return bars


FORMATS = {
    form.name: form
    for form in (
        Format("binance-klines", "binance_klines", "Binance's public klines (CSV, or the zip as published)"),
        Format("cryptodatadownload", "cryptodatadownload", "CSV of CryptoDataDownload"),
        Format("csv", "csv_columns", "any CSV", ("zone", "columns", "time_format", "delimiter", "decimal")),
        Format("feather", "tables", "any feather (Arrow) file", ("columns",)),
        Format("freqtrade", "freqtrade", "freqtrade's candles (feather, JSON, json.gz) and trades"),
        Format("kraken-trades", "kraken_trades", "Kraken's dump of trades, made into bars"),
        Format("lean", "lean", "LEAN's zips: bars and ticks, trades and quotes", ("zone", "side")),
        Format("metatrader", "metatrader", "MetaTrader 4 and 5 CSV, in the broker's time", ("zone", "delimiter")),
        Format("octobot", "octobot", "OctoBot's .data (SQLite)"),
        Format("parquet", "tables", "any Parquet file", ("columns",)),
    )
}


@attrs.frozen
class Detected:
    """What a file was taken for, and by what."""

    format: str
    reason: str


def detect(path: Path) -> Detected:
    """The format of a file, guessed by its name and its first lines. Raises DataError when nothing fits."""
    start, name = first_bytes(path, 16), stem(path.name)
    if start.startswith(b"SQLite format 3\x00"):
        return Detected("octobot", "a SQLite file")
    if start.startswith(b"PAR1"):
        return Detected("parquet", "a Parquet file")
    if start.startswith(b"ARROW1"):
        if freqtrade_name(name)[0]:
            return Detected("freqtrade", "a feather file with the name of a pair and a timeframe")
        return Detected("feather", "a feather file")
    with opened_text(path) as (text, file):
        lines = [text.readline(1_000) for _ in range(3)]
        member = stem(file.name)
    if lines[0].lstrip().startswith("["):
        return Detected("freqtrade", "a JSON list")
    if packing(path) == "zip" and not klines_name(member)[0] and _looks_like_lean(lines[0]):
        return Detected("lean", "a zip with rows of LEAN")
    for form, reason, fits in _LINES:
        if fits.match(lines[0]) or (form == "metatrader" and fits.match(lines[1])):
            return Detected(form, reason)
    if any(all(word in line.lower() for word in ("open", "high", "low", "close")) for line in lines[:1]):
        return Detected("csv", "a header with open, high, low, close")
    known = ", ".join(FORMATS)
    raise DataError(f"{shown(path)}: of no known format; say which: {known}")


_NUMBER = r"-?\d+(?:\.\d+)?"
_LEAN = re.compile(rf"(\d{{1,8}}|\d{{8}} \d\d:\d\d),((?:{_NUMBER})?,)+{_NUMBER}\s*$")
_LINES = (
    ("cryptodatadownload", "its banner", re.compile(r"(?i).*cryptodatadownload")),
    ("cryptodatadownload", "its header", re.compile(r"(?i)(unix,date,symbol|date,symbol|unix,symbol),open,")),
    ("metatrader", "its header", re.compile(r"<DATE>")),
    ("metatrader", "dates with points", re.compile(r"\d{4}\.\d\d\.\d\d[,;\t]")),
    ("binance-klines", "its header", re.compile(r"open_time,open,high,low,close,volume,close_time,")),
    ("binance-klines", "twelve columns, the first a time", re.compile(rf"\d{{13,16}},({_NUMBER},){{10}}{_NUMBER}\s*$")),
    ("kraken-trades", "seconds, price and volume", re.compile(rf"\d{{9,10}},{_NUMBER},{_NUMBER}\s*$")),
)


def _looks_like_lean(line: str) -> bool:
    return bool(_LEAN.match(line))


def check_options(form: Format, given: dict[str, object], where: str) -> None:
    """Raise DataError for an option that the format has no use for."""
    for name in given:
        if name not in (*_COMMON, *form.options):
            uses = ", ".join((*_COMMON, *form.options))
            raise DataError(f"{where}: the format {form.name} has no use for {name}; it takes {uses}")
