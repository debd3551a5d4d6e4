"""``quantsail data import``: candles from the files of other programs into the store."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import click

from quantsail_data.cli.common import TIMEFRAME, json_option, store_option
from quantsail_framework.cli.output import print_json, print_table, progress_bar

if TYPE_CHECKING:
    from quantsail_data.importers import Imported


@click.command("import")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE...")
@click.option("--venue", required=True, help="Exchange or other origin to store the candles under, such as binance.")
@click.option("--format", "form", help="Format of the files; told from each without it.")
@click.option("--symbol", help="Symbol, such as BTC/USDT, where the files do not tell.")
@click.option("--timeframe", "-t", type=TIMEFRAME, help="Length of the bars, where the files do not tell.")
@click.option("--zone", help="Zone of times without one: UTC, an IANA name, UTC+2, or broker-new-york.")
@click.option("--side", type=click.Choice(["bid", "ask", "mid"]), help="Which price of quotes; default: bid.")
@click.option("--columns", help="Columns of a CSV, such as time=Date,open=O,high=H,low=L,close=C,volume=V.")
@click.option("--time-format", help="s, ms, us, ns, or a pattern such as '%d.%m.%Y %H:%M'.")
@click.option("--delimiter", help="Character between the cells of a CSV.")
@click.option("--decimal", type=click.Choice([".", ","]), help="Decimal sign of a CSV; default: the point.")
@store_option
@json_option
def command(
    files: Sequence[Path],
    venue: str,
    form: str | None,
    columns: str | None,
    root: Path,
    as_json: bool,
    **options: Any,
) -> None:
    """Import candle files into the store.

    Every file is read and checked before the first candle is stored. Files of one series are merged; where a candle
    is there already, the file's replaces it.
    """
    from quantsail_data.importers import ImportOptions, parse_columns, read
    from quantsail_framework.store import Store
    from quantsail_framework.store.paths import encoded

    encoded(venue, "venue")
    given = {name: value for name, value in options.items() if value is not None}
    if columns is not None:
        given["columns"] = parse_columns(columns)
    chosen = ImportOptions(**given)
    found = []
    with progress_bar(shown=not as_json) as progress:
        for number, path in enumerate(files):
            if progress:
                progress(number / len(files), str(path))
            found.append(read(path, form, chosen))
    store, now = Store(root), time.time_ns()
    found = [_closed(imported, now) for imported in found]
    for imported in found:  # a part that is broken is told before anything is stored
        store.series(venue, imported.bars.symbol, imported.bars.timeframe).merged(imported.bars)
    rows = [_stored(store, venue, path, imported, now) for path, imported in zip(files, found, strict=True)]
    _print(rows, as_json=as_json)


def _closed(imported: Imported, now: int) -> Imported:
    """Without candles that have not closed yet: they will be others when they have."""
    from quantsail_framework.domain.bars import utc_text

    bars = imported.bars
    stop = int((bars.time + bars.timeframe.ns).searchsorted(now, side="right"))
    if stop == len(bars):
        return imported
    note = f"left out what had not closed: {len(bars) - stop} candles from {utc_text(int(bars.time[stop]))} on"
    return attrs.evolve(imported, bars=bars.slice(0, stop), notes=(*imported.notes, note))


def _stored(store: Any, venue: str, path: Path, imported: Imported, now: int) -> dict[str, Any]:
    added = store.add(venue, imported.bars, source=imported.source, fetched_ns=now)
    counts = {"bars": len(imported.bars), "new": added.new, "changed": added.changed}
    notes = list(imported.notes)
    if added.changed:
        notes.append(f"{added.changed:,} stored candles were replaced by different ones")
    series = {"symbol": imported.bars.symbol, "timeframe": str(imported.bars.timeframe)}
    return {"file": str(path), **series, **counts, "notes": notes}


def _print(rows: list[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        print_json(rows)
        return
    names = ("file", "symbol", "timeframe", "bars", "new", "changed")
    print_table(names, [tuple(row[name] for name in names) for row in rows])
    for row in rows:
        for note in row["notes"]:
            click.echo(f"note: {row['file']}: {note}")
