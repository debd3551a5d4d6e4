"""LEAN's zips: bars of trades or quotes, and ticks; the date of a day's file is only in its name.

Time counts milliseconds since midnight (ticks, seconds, minutes), or is written ``20070101 00:00`` (hours, days). It is
that of the market's data: UTC for crypto and for currencies of OANDA, UTC-5 all year for those of FXCM, New York's for
shares. Prices of shares are ten-thousandths of a dollar ("deci-cents"); all others are prices.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

import attrs
import numpy as np

from quantsail_data.importers.candles import Job, Rows, counted, to_bars
from quantsail_data.importers.clock import TimeRule, Zone, moment_ns, whole, zone
from quantsail_data.importers.names import split_symbol, stem
from quantsail_data.importers.text import Columns, Text, opened_lines, read_columns
from quantsail_data.importers.ticks import bars_of_quotes, bars_of_trades
from quantsail_framework.domain.bars import Bars, Floats
from quantsail_framework.domain.timeframe import NS_PER_DAY
from quantsail_framework.errors import DataError

_MEMBER = re.compile(r"(\d{8})_(.+)_(tick|second|minute)_(trade|quote)")
_LONG = re.compile(r"(\d{8}) (\d{2}):(\d{2})")
_TIMEFRAMES = {"second": "1s", "minute": "1m", "hour": "1h", "daily": "1d"}
_DECI_CENTS = 10_000.0
_PRICES = ("open", "high", "low", "close")


@attrs.frozen
class Market:
    """What the place of a file tells of its market: how prices are counted, and where its clock stands."""

    zone: Zone
    per_price: float = 1.0


def read(job: Job) -> Bars:
    """The candles of one zip; ticks are made into bars of the asked timeframe."""
    with opened_lines(job, ",") as text:
        name = stem(text.member)
        match = _MEMBER.fullmatch(name.lower())
        ticker = match[2] if match else name.split("_")[0].lower()
        resolution = match[3] if match else _resolution(job.path)
        market = _market(job, ticker, dated=match is not None)
        first, text = text.peeked()
        cells = len(first[0][1]) if first else 0
        if match and resolution == "tick":
            return _ticks(job, text, market, job.symbol(split_symbol(ticker)), match, cells)
        symbol, timeframe = job.symbol(split_symbol(ticker)), job.timeframe(_TIMEFRAMES.get(resolution or ""))
        time_of = _day_time(match[1], job) if match else TimeRule(_read_long)
        table, values = _bars(job, text, time_of, cells)
    time = market.zone.to_utc(table.time, job.where, table.place)
    values = [_prices(job, column, market, table) for column in values[:4]] + values[4:]
    return to_bars(job, Rows(time, values, table.place), symbol, timeframe)


def _resolution(path: Path) -> str | None:
    """``hour`` or ``daily``: the folder of the file, or a word of its name."""
    words = [*re.split(r"[_-]", stem(path.name).lower()), *(part.lower() for part in path.resolve().parts[-3:-1])]
    return next((word for word in words if word in ("hour", "daily")), None)


def _market(job: Job, ticker: str, *, dated: bool) -> Market:
    # Data/<type>/<market>/<resolution>/[<ticker>/]: the folders that LEAN keeps a file in, or the same in its name.
    parts = [part.lower() for part in job.path.resolve().parts[-5:-1]]
    words = {*parts[: -1 if dated else None][-3:], *re.split(r"[_-]", stem(job.path.name).lower())}
    asked = job.options.zone
    if words & {"option", "future", "futureoption", "indexoption", "index"}:
        raise DataError(f"{job.where}: only crypto, currencies, CFDs and shares are read from LEAN's files")
    if "equity" in words or split_symbol(ticker) is None:
        job.note(f"taken for a share: prices divided by 10,000, times of {asked or 'America/New_York'}")
        return Market(zone(asked or "America/New_York"), _DECI_CENTS)
    return Market(zone(asked or ("UTC-5" if "fxcm" in words else "UTC")))


def _read_long(text: str) -> int:
    match = _LONG.fullmatch(text)
    if match is None:
        raise ValueError(text)
    return moment_ns(datetime.strptime(text, "%Y%m%d %H:%M"))  # noqa: DTZ007 - of the market's zone


def _day_time(date: str, job: Job) -> TimeRule:
    """Milliseconds since midnight of the day in the name, as that day's local time."""
    try:
        midnight = moment_ns(datetime.strptime(date, "%Y%m%d"))  # noqa: DTZ007 - of the market's zone
    except ValueError:
        raise DataError(f"{job.where}: {date} in the name is no date") from None

    def read_ms(text: str) -> int:
        since = whole(text) * 1_000_000
        if not 0 <= since < NS_PER_DAY:
            raise ValueError(text)
        return midnight + since

    return TimeRule(read_ms)


def _bars(job: Job, text: Text, rule: TimeRule, cells: int) -> tuple[Columns, list[Floats]]:
    """Open to volume. Six cells are a bar of trades; eleven one of quotes, bid, its size, ask, its size."""
    if cells == 6:
        table = read_columns(text, range(1, 6), _first, rule=rule, width=6)
        return table, table.values
    if cells != 11:
        raise DataError(f"{job.where}: {cells} cells a row; LEAN's bars have 6 (trades) or 11 (quotes)")
    side = job.options.side or "bid"
    starts = {"bid": (1,), "ask": (6,), "mid": (1, 6)}[side]
    picks = [start + index for start in starts for index in range(4)]
    names = [f"{which} {price}" for which in (("bid", "ask") if side == "mid" else (side,)) for price in _PRICES]
    quoted, absent = _with_quotes(text, picks)
    table = read_columns(quoted, picks, _first, rule=rule, names=names, width=11)
    if absent:
        job.note(
            f"{counted(len(absent), 'row')} without a price of the {side} side left out, the first at line {absent[0]}"
        )
    job.note(f"bars of the {side}; volume 0, since quotes trade nothing")
    half = table.values[4:]
    prices = [(bid + ask) / 2.0 for bid, ask in zip(table.values, half, strict=False)] if half else table.values
    return table, [*prices, np.zeros(len(table.time))]


def _with_quotes(text: Text, picks: Sequence[int]) -> tuple[Text, list[int]]:
    """The rows that have a price; a side that nobody quoted is left empty."""
    absent: list[int] = []

    def kept() -> Iterator[tuple[int, list[str]]]:
        for line, cells in text.lines:
            if len(cells) == 11 and not any(cells[pick] for pick in picks):
                absent.append(line)
            else:
                yield line, cells

    return attrs.evolve(text, lines=kept()), absent


def _ticks(job: Job, text: Text, market: Market, symbol: str, match: re.Match[str], cells: int) -> Bars:
    timeframe, rule = job.timeframe(), _day_time(match[1], job)
    shapes: dict[tuple[str, int], tuple[tuple[int, int], tuple[str, str]]] = {
        ("quote", 3): ((1, 2), ("bid", "ask")),
        ("quote", 5): ((1, 3), ("bid", "ask")),
        ("trade", 3): ((1, 2), ("price", "amount")),
    }
    shape = shapes.get((match[4], cells))
    if shape is None or market.per_price != 1.0:
        raise DataError(f"{job.where}: ticks of {cells} cells, and those of shares, are not read; take LEAN's minutes")
    table = read_columns(text, shape[0], _first, rule=rule, names=shape[1], width=cells)
    time = market.zone.to_utc(table.time, job.where, table.place)
    make = bars_of_trades if match[4] == "trade" else bars_of_quotes
    return make(job, symbol, timeframe, time, table.values[0], table.values[1], table.place)


def _prices(job: Job, column: Floats, market: Market, table: Columns) -> Floats:
    if market.per_price == 1.0:
        return column
    broken = column != np.floor(column)
    if broken.any():
        row = table.place(int(np.argmax(broken)))
        raise DataError(f"{job.where}, {row}: price {column[np.argmax(broken)]:.12g} is no whole number of deci-cents")
    return column / market.per_price


def _first(cells: list[str]) -> str:
    return cells[0]
