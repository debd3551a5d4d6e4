"""What the data verbs share: options, the choice of series, and how times and sizes are written."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from quantsail_framework.errors import DataError

if TYPE_CHECKING:
    from quantsail_framework.domain.timeframe import Timeframe
    from quantsail_framework.store import Series, SeriesInfo

    _ParamType = click.ParamType[Any]
else:
    _ParamType = click.ParamType  # click 8.1 has it without a type argument

_Stored = TypeVar("_Stored", "Series", "SeriesInfo")

store_option = click.option(
    "--store",
    "root",
    type=click.Path(path_type=Path),
    default=Path("data"),
    show_default=True,
    help="Root folder of the store.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


class TimeframeType(_ParamType):
    """A timeframe such as 5m."""

    name = "timeframe"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Timeframe:
        """The Timeframe; a usage error for any other text."""
        from quantsail_framework.domain.timeframe import Timeframe

        try:
            return value if isinstance(value, Timeframe) else Timeframe(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


class TimeType(_ParamType):
    """A moment as ns UTC: 2023-01-31 (00:00 UTC), or with time and zone: 2023-01-31T12:00Z."""

    name = "date"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Nanoseconds since 1970; a usage error for a date-time without zone."""
        if isinstance(value, int):
            return value
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is not a date such as 2023-01-31, nor a time such as 2023-01-31T12:00Z", param, ctx)
        if moment.tzinfo is None:
            if len(value) > len("2023-01-31"):
                self.fail(f"{value!r} has no time zone; write {value}Z for UTC", param, ctx)
            moment = moment.replace(tzinfo=UTC)
        return round(moment.timestamp() * 1_000_000) * 1_000


TIMEFRAME, TIME = TimeframeType(), TimeType()


def series_options(function: Any) -> Any:
    """Which stored series a verb is about: all of them, or those named."""
    for option in (
        store_option,
        click.option(
            "--timeframe", "-t", "timeframes", type=TIMEFRAME, multiple=True, help="Only this one; may repeat."
        ),
        click.option("--venue", help="Only those of this venue."),
        click.argument("symbols", nargs=-1, metavar="[SYMBOL]..."),
    ):
        function = option(function)
    return function


def chosen(
    root: Path,
    everything: Sequence[_Stored],
    symbols: Sequence[str],
    timeframes: Sequence[Timeframe],
    venue: str | None,
) -> list[_Stored]:
    """Those of ``everything`` that is stored that the options name. Raises DataError for a name that is not there."""
    if not everything:
        raise DataError(
            f"{root}: nothing is stored; fill it with `quantsail data fetch` or `quantsail data import`, "
            "or name another folder with --store"
        )
    _check("venue", [venue] if venue else [], {series.venue for series in everything})
    here = [series for series in everything if venue in (None, series.venue)]
    _check("symbol", symbols, {series.symbol for series in here})
    named = [series for series in here if not symbols or series.symbol in symbols]
    _check("timeframe", list(map(str, timeframes)), {str(series.timeframe) for series in named})
    return [series for series in named if not timeframes or series.timeframe in timeframes]


def _check(what: str, names: Sequence[str], there: set[str]) -> None:
    for name in names:
        if name not in there:
            near = get_close_matches(name, there, n=1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(sorted(there)[:10])}"
            raise DataError(f"no {what} {name!r} is stored; {hint}")


def size_text(size: int) -> str:
    """Bytes for people."""
    value, unit = float(size), "B"
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000 or unit == "GB":
            break
        value /= 1000
    return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
