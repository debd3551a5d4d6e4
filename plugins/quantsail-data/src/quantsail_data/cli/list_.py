"""``quantsail data list``: the catalogue."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from quantsail_data.cli.common import chosen, json_option, series_options, size_text
from quantsail_framework.cli.output import print_json, print_table

if TYPE_CHECKING:
    from quantsail_framework.domain.timeframe import Timeframe
    from quantsail_framework.store import SeriesInfo


@click.command("list")
@series_options
@json_option
def command(
    symbols: Sequence[str], venue: str | None, timeframes: Sequence[Timeframe], root: Path, as_json: bool
) -> None:
    """List what the store has: span, bars and gaps of each series.

    Only the footers of the files are read.
    """
    from quantsail_framework.store import Store

    broken: list[str] = []
    entries = chosen(root, list(Store(root).entries(broken)), symbols, timeframes, venue)
    for problem in broken:
        click.echo(f"warning: {problem}", err=True)
    if as_json:
        print_json([facts(entry) for entry in entries])
        return
    headers = ("venue", "symbol", "timeframe", "bars", "first", "last", "gaps", "missing", "size")
    print_table(headers, [_row(entry) for entry in entries])


def _row(entry: SeriesInfo) -> tuple[object, ...]:
    from quantsail_framework.domain.bars import utc_text

    span = (utc_text(entry.first_ns), utc_text(entry.last_ns))
    gaps = entry.gaps
    name = (entry.venue, entry.symbol, entry.timeframe)
    return (*name, entry.rows, *span, gaps.count, gaps.missing, size_text(entry.bytes))


def facts(entry: SeriesInfo) -> dict[str, Any]:
    """A series for programs."""
    from quantsail_framework.domain.bars import utc

    return {
        "venue": entry.venue,
        "symbol": entry.symbol,
        "timeframe": str(entry.timeframe),
        "bars": entry.rows,
        "first": utc(entry.first_ns).isoformat(),
        "last": utc(entry.last_ns).isoformat(),
        "gaps": entry.gaps.count,
        "missing_bars": entry.gaps.missing,
        "bytes": entry.bytes,
        "parts": len(entry.parts),
        "content_hash": entry.content_hash,
    }
