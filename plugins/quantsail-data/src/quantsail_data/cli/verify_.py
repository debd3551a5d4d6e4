"""``quantsail data verify``: what is wrong with the stored candles."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from quantsail_data.cli.common import chosen, json_option, series_options
from quantsail_framework.cli.output import print_json, print_table, progress_bar

if TYPE_CHECKING:
    from quantsail_data.verify import Finding
    from quantsail_framework.domain.timeframe import Timeframe

_SHOWN = 20  # findings of one kind in one series


@click.command("verify")
@series_options
@click.option("--all", "show_all", is_flag=True, help=f"Print every finding, not {_SHOWN} of a kind at most.")
@json_option
def command(
    symbols: Sequence[str],
    venue: str | None,
    timeframes: Sequence[Timeframe],
    root: Path,
    show_all: bool,
    as_json: bool,
) -> None:
    """Check the stored candles and name what is wrong.

    \b
    broken       a file that cannot be read, or holds impossible candles
    altered      candles that are not those that were written
    misplaced    candles that open beside the clock
    gap          bars are missing
    zero_volume  bars without volume, in a series that has some
    outlier      a price far off those around it; crashes are among them
    forming      a last bar that had not closed when it was fetched
    differs      not what a finer stored timeframe adds up to

    Exit code 0 when nothing is found, else 1.
    """  # noqa: D301 - the mark by which click keeps lines as they are
    from quantsail_data.verify import verify
    from quantsail_framework.store import Store

    store = Store(root)
    entries = chosen(root, list(store.all_series()), symbols, timeframes, venue)
    findings: list[Finding] = []
    with progress_bar(shown=not as_json) as progress:
        for number, entry in enumerate(entries):
            if progress:
                progress(number / len(entries), f"{entry.venue} {entry.symbol} {entry.timeframe}")
            findings.extend(verify(store, entry))
    if as_json:
        print_json({"series": len(entries), "findings": [_facts(finding) for finding in findings]})
    else:
        _print(findings, len(entries), show_all=show_all)
    if findings:
        raise click.exceptions.Exit(1)


def _print(findings: Sequence[Finding], series: int, *, show_all: bool) -> None:
    kinds = Counter(map(_kind, findings))
    shown: Counter[tuple[str, ...]] = Counter()
    rows: list[tuple[object, ...]] = []
    for finding in findings:
        kind = _kind(finding)
        shown[kind] += 1
        if show_all or shown[kind] <= _SHOWN:
            rows.append((*kind, *_moments(finding), finding.text))
        elif shown[kind] == _SHOWN + 1:
            rows.append((*kind, None, None, f"and {kinds[kind] - _SHOWN} more (--all)"))
    if rows:
        print_table(("venue", "symbol", "timeframe", "check", "from", "to", "finding"), rows, prose=["finding"])
        click.echo()
    totals = Counter(finding.check for finding in findings)
    counted = ", ".join(f"{count} {check}" for check, count in sorted(totals.items())) or "nothing found"
    click.echo(f"{series} series checked: {counted}")


def _kind(finding: Finding) -> tuple[str, ...]:
    series = finding.series
    return series.venue, series.symbol, str(series.timeframe), finding.check


def _moments(finding: Finding) -> list[str | None]:
    from quantsail_framework.domain.bars import utc_text

    return [None if time is None else utc_text(time) for time in (finding.start_ns, finding.end_ns)]


def _facts(finding: Finding) -> dict[str, Any]:
    from quantsail_framework.domain.bars import utc

    def moment(time: int | None) -> str | None:
        return None if time is None else utc(time).isoformat()

    venue, symbol, timeframe, check = _kind(finding)
    series = {"check": check, "venue": venue, "symbol": symbol, "timeframe": timeframe}
    span = {"start": moment(finding.start_ns), "end": moment(finding.end_ns), "bars": finding.bars}
    return {**series, **span, "text": finding.text}
