"""The tables that belong to the pipeline itself: [pipeline], its part of [data] and [[alerts]], and [plugins]."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from typing import Literal

import attrs
from attrs.validators import ge, gt, min_len, optional

from quantsail_framework.config.plain import plain
from quantsail_framework.config.wording import did_you_mean
from quantsail_framework.domain.alert import Kind, Level
from quantsail_framework.domain.timeframe import NS_PER_SECOND, Timeframe

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_YEARS = range(1900, 2262)  # what nanoseconds since 1970 can count, and candles can have
_PIN = re.compile(r"\S+( sha256:[0-9a-f]{64})?")
_NAME = re.compile(r"\w[\w .+-]*")


def _check_name(_table: object, _field: object, value: str | None) -> None:
    if value is not None and not _NAME.fullmatch(value):
        raise ValueError("names the run folder: letters, digits, space and . + - _ only, a letter or digit first")


def _check_word(_table: object, _field: object, value: str | None) -> None:
    if value is not None and not value.strip():
        raise ValueError("must not be empty")


def _check_zone(_table: object, _field: object, value: str) -> None:
    if value == "UTC":
        return
    import zoneinfo

    try:
        zoneinfo.ZoneInfo(value)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
        near = did_you_mean(value, zoneinfo.available_timezones(), ' such as "Europe/Berlin"')
        raise ValueError(f'"{value}" is not an IANA time zone{near}') from error


def _check_symbols(_table: object, _field: object, value: tuple[str, ...]) -> None:
    if not value:
        raise ValueError("must name at least one symbol")
    if not all(symbol.strip() for symbol in value):
        raise ValueError("holds an empty symbol")
    twice = sorted({symbol for symbol in value if value.count(symbol) > 1})
    if twice:
        raise ValueError(f"names {', '.join(twice)} more than once")


def _check_years(_table: object, _field: object, value: dt.datetime | None) -> None:
    if value is not None and value.year not in _YEARS:
        raise ValueError(f"must lie between {_YEARS.start} and {_YEARS.stop - 1}")


def _check_order(table: DataTable, _field: object, value: dt.datetime | None) -> None:
    if value is not None and table.start is not None and table.start >= value:
        raise ValueError(f"must be after start, {plain(table.start)}; it is {plain(value)}")


def _check_informative(_table: object, _field: object, value: tuple[str, ...]) -> None:
    parsed = [informative(text) for text in value]
    twice = sorted({text for text, pair in zip(value, parsed, strict=True) if parsed.count(pair) > 1})
    if twice:
        raise ValueError(f"names {', '.join(twice)} more than once")


def _check_pins(_table: object, _field: object, value: Mapping[str, str]) -> None:
    for name, pin in value.items():
        if not _PIN.fullmatch(pin):
            raise ValueError(f'{name} has "{pin}"; a pin is "VERSION" or "VERSION sha256:HASH": quantsail plugins pin')


@attrs.frozen(kw_only=True)
class PipelineTable:
    """What ``[pipeline]`` may say."""

    name: str | None = attrs.field(
        default=None, validator=_check_name, metadata={"doc": "Name of the run; without one, that of the file."}
    )
    runner: str = attrs.field(default="backtest", metadata={"doc": "What runs the pipeline, unless --runner says."})
    capital: float = attrs.field(validator=gt(0), metadata={"doc": "Cash at the start, in quote currency."})
    currency: str | None = attrs.field(
        default=None,
        validator=_check_word,
        metadata={"doc": "Quote currency of symbols that name none (GOOGL); BTC/USDT names its own."},
    )
    timezone: str = attrs.field(
        default="UTC", validator=_check_zone, metadata={"doc": "IANA zone whose midnight starts a trading day."}
    )
    seed: int = attrs.field(default=0, validator=ge(0), metadata={"doc": "Seed of everything random."})
    alerts: Literal["auto", "all"] = attrs.field(
        default="auto",
        metadata={"doc": "auto: of a backtest its end and errors, of replay, paper and live everything; or all."},
    )


@attrs.frozen(kw_only=True)
class DataTable:
    """What ``[data]`` may say beside the options of its source."""

    symbols: tuple[str, ...] = attrs.field(validator=_check_symbols, metadata={"doc": "Markets, in trading order."})
    timeframe: Timeframe = attrs.field(metadata={"doc": "Bar length: a count and one of s, m, h, d, w."})
    start: dt.datetime | None = attrs.field(
        default=None, validator=_check_years, metadata={"doc": "First bar open; a date is its 00:00 UTC."}
    )
    end: dt.datetime | None = attrs.field(
        default=None,
        validator=[_check_years, _check_order],
        metadata={"doc": "Bars open before this; a date is its 00:00 UTC."},
    )
    informative: tuple[str, ...] = attrs.field(
        default=(),
        validator=_check_informative,
        metadata={"doc": "Further candles that strategies may read: 1h, or BTC/USDT@1h."},
    )
    gaps: Literal["keep", "fail", "fill"] = attrs.field(
        default="keep", metadata={"doc": "Missing bars: keep the gap, fail, or fill with flat bars that cannot trade."}
    )


@attrs.frozen(kw_only=True)
class AlertsTable:
    """What an item of ``[[alerts]]`` may say beside the options of its sink."""

    min_level: Level = attrs.field(
        default="info", metadata={"doc": "Least urgent alerts that go there: info, success, warning or error."}
    )
    only: tuple[Kind, ...] | None = attrs.field(
        default=None, validator=optional(min_len(1)), metadata={"doc": "Kinds of alerts that go there, such as error."}
    )


@attrs.frozen(kw_only=True)
class PluginsTable:
    """What ``[plugins]`` may say."""

    only: tuple[str, ...] | None = attrs.field(
        default=None, validator=optional(min_len(1)), metadata={"doc": "The only plugins that may be loaded, by name."}
    )
    pins: Mapping[str, str] = attrs.field(
        factory=dict,
        validator=_check_pins,
        metadata={"doc": "Version that a plugin (or its distribution) must have, by name, and the hash of its files."},
    )


def informative(text: str) -> tuple[str | None, Timeframe]:
    """``"BTC/USDT@1h"`` as symbol and timeframe; the symbol is None in ``"1h"``, which means each own symbol."""
    symbol, at, timeframe = text.rpartition("@")
    if at and not symbol.strip():
        raise ValueError(f'"{text}" names no symbol before the @')
    return (symbol if at else None), Timeframe(timeframe)


def nanoseconds(moment: dt.datetime | None) -> int | None:
    """Nanoseconds since 1970 UTC, exactly."""
    if moment is None:
        return None
    return (moment - _EPOCH) // dt.timedelta(microseconds=1) * (NS_PER_SECOND // 1_000_000)
