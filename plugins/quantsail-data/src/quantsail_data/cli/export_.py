"""``quantsail data export``: stored candles as files for other programs, or for the sources `parquet` and `csv`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from quantsail_data.cli.common import TIME, chosen, json_option, series_options
from quantsail_framework.cli.output import print_json

if TYPE_CHECKING:
    from quantsail_framework.domain.timeframe import Timeframe


@click.command("export")
@series_options
@click.option("--to", "folder", type=click.Path(path_type=Path), required=True, help="Folder to write into.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["parquet", "csv", "freqtrade"]),
    default="parquet",
    show_default=True,
    help="freqtrade is its feather.",
)
@click.option("--since", type=TIME, help="From this date on (UTC).")
@click.option("--until", type=TIME, help="Up to this date, exclusive (UTC).")
@click.option("--force", is_flag=True, help="Replace files that are there.")
@json_option
def command(
    symbols: Sequence[str],
    venue: str | None,
    timeframes: Sequence[Timeframe],
    root: Path,
    folder: Path,
    form: str,
    since: int | None,
    until: int | None,
    force: bool,
    as_json: bool,
) -> None:
    """Write stored candles as files, one per series, named such as BTC_USDT-5m.parquet.

    Parquet and CSV are what the data sources `parquet` and `csv` read.
    """
    from quantsail_data.export import export
    from quantsail_framework.store import Store

    store = Store(root)
    entries = chosen(root, list(store.all_series()), symbols, timeframes, venue)
    written = export(entries, folder, form, since=since, until=until, force=force)
    if as_json:
        print_json([{"file": str(path), "bars": count} for path, count in written])
    else:
        for path, count in written:
            click.echo(f"{path}: {count} bars")
