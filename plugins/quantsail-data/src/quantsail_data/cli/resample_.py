"""``quantsail data resample``: longer candles of stored ones."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from quantsail_data.cli.common import TIMEFRAME, chosen, json_option, store_option
from quantsail_framework.cli.output import print_json, print_table

if TYPE_CHECKING:
    from quantsail_framework.domain.timeframe import Timeframe

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
@store_option
@json_option
def command(
    symbols: Sequence[str],
    short: Timeframe,
    longer: Sequence[Timeframe],
    venue: str | None,
    incomplete: str,
    root: Path,
    as_json: bool,
) -> None:
    """Make longer candles of stored ones, such as 5m to 1h, and store them beside.

    They are aligned to UTC (days to 00:00, weeks to Monday). Those that begin before the first or end after the
    last stored candle are left out, since what is missing of them is not known.
    """
    from quantsail_framework.domain.resample import resample
    from quantsail_framework.store import Store

    store = Store(root)
    done: list[Row] = []
    for series in chosen(root, list(store.all_series()), symbols, [short], venue):
        bars = series.bars_of_all()
        for timeframe in longer:
            made = resample(bars, timeframe)
            lacking = made.bars.time[made.incomplete].tolist()
            kept = made.bars.where(~made.incomplete) if incomplete == "drop" else made.bars
            added = store.add(series.venue, kept, source=f"resampled from {short}", fetched_ns=time.time_ns())
            done.append((series.venue, series.symbol, str(timeframe), len(kept), added.new, added.changed, lacking))
    names = ("venue", "symbol", "timeframe", "bars", "new", "changed", "incomplete")
    if as_json:
        print_json([dict(zip(names, _counted(row), strict=True)) | {"incomplete_at": _times(row[-1])} for row in done])
    else:
        print_table(names, [_counted(row) for row in done])


def _counted(row: Row) -> tuple[object, ...]:
    return *row[:-1], len(row[-1])


def _times(opens: list[int]) -> list[str]:
    from quantsail_framework.domain.bars import utc

    return [utc(time).isoformat() for time in opens]
