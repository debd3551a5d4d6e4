"""What the user may say about a file that is imported, and what comes of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import attrs

from quantsail_framework.domain.bars import Bars
from quantsail_framework.domain.timeframe import Timeframe
from quantsail_framework.errors import DataError


def _timeframe(value: str | Timeframe | None) -> Timeframe | None:
    try:
        return Timeframe(value) if isinstance(value, str) else value
    except ValueError as error:
        raise DataError(str(error)) from None


def _one_of(*choices: str) -> Callable[[Any, attrs.Attribute[Any], str | None], None]:
    def check(_options: Any, field: attrs.Attribute[Any], value: str | None) -> None:
        if value is not None and value not in choices:
            raise DataError(f"{field.name} {value!r} is none of {', '.join(choices)}")

    return check


def _delimiter(_options: Any, _field: attrs.Attribute[Any], value: str | None) -> None:
    if value is not None and (len(value) != 1 or value in '"\r\n'):
        raise DataError(f"delimiter {value!r} is not one character")


@attrs.frozen
class ImportOptions:
    """What a format cannot know from the file. An option that a format has no use for is an error, not ignored."""

    symbol: str | None = attrs.field(default=None, metadata={"doc": "Symbol, such as BTC/USDT."})
    timeframe: Timeframe | None = attrs.field(
        default=None, converter=_timeframe, metadata={"doc": "Length of the bars, such as 1h."}
    )
    zone: str | None = attrs.field(
        default=None,
        metadata={"doc": "Zone of times without one: UTC, an IANA name, UTC+2, or broker-new-york."},
    )
    side: str | None = attrs.field(
        default=None,
        validator=_one_of("bid", "ask", "mid"),
        metadata={"doc": "Which price of quotes to take: bid (default), ask or mid."},
    )
    columns: Mapping[str, str] = attrs.field(
        factory=dict, metadata={"doc": "Column (name, or number from 1) of time, open, high, low, close, volume."}
    )
    time_format: str | None = attrs.field(
        default=None, metadata={"doc": "s, ms, us, ns, or a pattern of strptime such as %d.%m.%Y %H:%M."}
    )
    delimiter: str | None = attrs.field(
        default=None, validator=_delimiter, metadata={"doc": "Character between cells; told by default."}
    )
    decimal: str = attrs.field(
        default=".",
        validator=_one_of(".", ","),
        metadata={"doc": "Decimal sign of prices and volumes."},
    )


@attrs.frozen
class Imported:
    """The candles of one file. ``notes`` tell what was changed, assumed or left out; ``source`` is for the store."""

    bars: Bars
    notes: tuple[str, ...]
    source: str
