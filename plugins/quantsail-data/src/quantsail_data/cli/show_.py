"""``quantsail data show``: one series in detail."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from quantsail_data.cli.common import TIMEFRAME, chosen, json_option, store_option
from quantsail_framework.cli.output import print_json, print_table
from quantsail_framework.errors import DataError

if TYPE_CHECKING:
    from quantsail_framework.domain.bars import Bars
    from quantsail_framework.domain.timeframe import Timeframe
    from quantsail_framework.store import SeriesInfo

_SHOWN = 5  # candles of each end, and gaps


@click.command("show")
@click.argument("symbol")
@click.option("--venue", help="Its venue; needed where several have it.")
@click.option("--timeframe", "-t", type=TIMEFRAME, help="Its timeframe; needed where there are several.")
@store_option
@json_option
def command(symbol: str, venue: str | None, timeframe: Timeframe | None, root: Path, as_json: bool) -> None:
    """Show one series: where its parts come from, its market's rules, its gaps, and its first and last candles."""
    from quantsail_framework.store import Store

    store = Store(root)
    entry = _one(chosen(root, list(store.entries([])), [symbol], [timeframe] if timeframe else [], venue))
    bars = store.series(entry.venue, entry.symbol, entry.timeframe).bars_of_all()
    about = _about(store, entry, bars)
    if as_json:
        print_json(about)
    else:
        _print(about, bars)


def _one(entries: list[SeriesInfo]) -> SeriesInfo:
    if len(entries) > 1:
        there = ", ".join(f"{entry.venue} {entry.timeframe}" for entry in entries)
        raise DataError(f"{entries[0].symbol} is stored as {there}; choose with --venue and --timeframe")
    return entries[0]


def _about(store: Any, entry: SeriesInfo, bars: Bars) -> dict[str, Any]:
    from quantsail_data.cli.list_ import facts
    from quantsail_framework.domain.bars import utc
    from quantsail_framework.domain.gaps import holes

    rules = store.instruments(entry.venue, [entry.symbol]).get(entry.symbol)
    known = rules and {"tick": _text(rules.tick), "lot": _text(rules.lot), "min_notional": rules.min_notional}
    about = {key: value for key, value in facts(entry).items() if key != "parts"}
    return about | {
        "instrument": known,
        "files": [
            {"name": part.name, "bars": part.rows, "source": part.source, "fetched": utc(part.fetched_ns).isoformat()}
            for part in entry.parts
        ],
        "holes": [
            {"start": utc(start).isoformat(), "end": utc(end).isoformat(), "bars": (end - start) // entry.timeframe.ns}
            for start, end in holes(bars.time, entry.timeframe)
        ],
    }


def _print(about: dict[str, Any], bars: Bars) -> None:
    gaps = f"{about['gaps']} gap{'' if about['gaps'] == 1 else 's'}"
    click.echo(f"{about['venue']} {about['symbol']} {about['timeframe']}: {about['bars']:,} bars, {gaps}")
    rules = about["instrument"]
    click.echo("market rules: " + (", ".join(f"{k} {v}" for k, v in rules.items()) if rules else "not known"))
    click.echo(f"content hash: {about['content_hash']}\n")
    print_table(("part", "bars", "fetched", "source"), [_part_row(part) for part in about["files"]], prose=["source"])
    if about["holes"]:
        widest = sorted(about["holes"], key=lambda hole: -int(hole["bars"]))[:_SHOWN]
        click.echo(f"\nwidest gaps ({len(widest)} of {len(about['holes'])}):")
        print_table(("from", "to", "bars"), [(hole["start"], hole["end"], hole["bars"]) for hole in widest])
    click.echo("\ncandles:")
    print_table(("open time", "open", "high", "low", "close", "volume"), _candles(bars))


def _part_row(part: dict[str, Any]) -> tuple[object, ...]:
    return part["name"], part["bars"], part["fetched"], part["source"]


def _candles(bars: Bars) -> list[tuple[object, ...]]:
    from quantsail_framework.domain.bars import utc_text

    rows = range(len(bars))
    shown = rows if len(rows) <= 2 * _SHOWN else [*rows[:_SHOWN], *rows[-_SHOWN:]]
    columns = (bars.open, bars.high, bars.low, bars.close, bars.volume)
    return [(utc_text(int(bars.time[row])), *(f"{column[row]:.10g}" for column in columns)) for row in shown]


def _text(step: Any) -> str | None:
    return None if step is None else format(step, "f")
