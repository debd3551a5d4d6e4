"""``quantsail data resample``: longer candles of stored ones."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from quantsail_data.cli.common import TIMEFRAME, chosen, json_option, store_option
from quantsail_framework.cli.output import print_json, print_table
from quantsail_framework.errors import DataError

if TYPE_CHECKING:
    from quantsail_framework.domain.timeframe import Timeframe
    from quantsail_framework.store import Series, Store

MADE = "resampled from"  # begins what a part of such candles says of its source

# Venue, symbol, timeframe, bars, new and changed ones, and the open times (ns) of those that hold gaps.
Row = tuple[str, str, str, int, int, int, list[int]]


@click.command("resample")
@click.argument("symbols", nargs=-1, metavar="[SYMBOL]...")
@click.option("--from", "short", type=TIMEFRAME, required=True, help="Timeframe of the stored candles, such as 5m.")
@click.option("--to", "longer", type=TIMEFRAME, required=True, multiple=True, help="Timeframe to make; may repeat.")
@click.option("--venue", help="Only those of this venue.")
@click.option(
    "--incomplete",
    type=click.Choice(["keep", "drop"]),
    default="keep",
    show_default=True,
    help="What becomes of longer candles that hold gaps; they are counted either way.",
)
@click.option("--force", is_flag=True, help="Replace stored candles that were not made by resampling.")
@store_option
@json_option
def command(
    symbols: Sequence[str],
    short: Timeframe,
    longer: Sequence[Timeframe],
    venue: str | None,
    incomplete: str,
    force: bool,
    root: Path,
    as_json: bool,
) -> None:
    """Make longer candles of stored ones, such as 5m to 1h, and store them beside.

    Candles that came from elsewhere are not replaced unasked. The new ones are aligned to UTC (days to 00:00, weeks
    to Monday). Those that begin before the first or end after the last stored candle are left out, since what is
    missing of them is not known.
    """
    from quantsail_framework.domain.resample import resample
    from quantsail_framework.store import Store

    store = Store(root)
    found = [
        (series, resample(series.bars_of_all(), timeframe))
        for series in chosen(root, list(store.all_series()), symbols, [short], venue)
        for timeframe in longer
    ]
    for series, made in found:
        _check_target(store, series, made.bars.timeframe, force=force)
    done: list[Row] = []
    for series, made in found:
        kept = made.bars.where(~made.incomplete) if incomplete == "drop" else made.bars
        source = f"{MADE} {short}"
        # Nothing is marked as asked of the venue: its own candles can still be fetched.
        added = store.add(series.venue, kept, source=source, fetched_ns=time.time_ns(), covered=[])
        lacking = made.bars.time[made.incomplete].tolist()
        timeframe = str(made.bars.timeframe)
        done.append((series.venue, series.symbol, timeframe, len(kept), added.new, added.changed, lacking))
    names = ("venue", "symbol", "timeframe", "bars", "new", "changed", "incomplete")
    if as_json:
        print_json([dict(zip(names, _counted(row), strict=True)) | {"incomplete_at": _times(row[-1])} for row in done])
    else:
        print_table(names, [_counted(row) for row in done])


def _check_target(store: Store, series: Series, timeframe: Timeframe, *, force: bool) -> None:
    """Raise DataError where candles of another source would be replaced."""
    there = store.series(series.venue, series.symbol, timeframe).describe()
    sources = {source for part in (there.parts if there else ()) for source in part.source.split("; ")}
    others = sorted(source for source in sources if not source.startswith(MADE))
    if others and not force:
        raise DataError(
            f"{series.venue} {series.symbol} {timeframe} is stored already, from {', '.join(others)}; "
            "nothing was resampled. Replace its candles with --force"
        )


def _counted(row: Row) -> tuple[object, ...]:
    return *row[:-1], len(row[-1])


def _times(opens: list[int]) -> list[str]:
    from quantsail_framework.domain.bars import utc

    return [utc(time).isoformat() for time in opens]
