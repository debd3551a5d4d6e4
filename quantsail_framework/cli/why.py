"""``quantsail why RUN TIME SYMBOL``: what a run decided at one bar of one market, from its tables."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import click

from quantsail_framework.cli.output import print_json
from quantsail_framework.config.wording import brief, did_you_mean
from quantsail_framework.errors import InputError, ResultsError

if TYPE_CHECKING:
    from quantsail_framework.domain.result import Table
    from quantsail_framework.results import StoredRun

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_NEEDED = {
    "trades": ("symbol", "side", "signal_time", "entry_time", "exit_time", "exit_reason"),
    "refusals": ("symbol", "side", "time", "rule"),
}

_Row = Mapping[str, Any]


@attrs.frozen
class _Event:
    """Something about a trade at the bar: it was decided, waited for its fill, was entered, held or left."""

    event: str
    trade: _Row


@attrs.frozen
class _Decision:
    """Any decision of the run about the market: the open of its bar, and in words what it was."""

    time: int
    text: str


@click.command()
@click.argument("folder", metavar="RUN", type=click.Path(path_type=Path))
@click.argument("time")
@click.argument("symbol")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def why(folder: Path, time: str, symbol: str, as_json: bool) -> None:
    """Tell what a run decided at one bar, and why.

    RUN is a run folder. TIME is in ISO 8601 (2024-01-31, "2024-01-31 23:55", 2024-01-31T23:55+01:00): UTC when
    it names no zone, and any moment inside a bar means that bar. SYMBOL is a market of the run.
    """
    from quantsail_framework.results import read_run

    run = read_run(folder)
    asked = _nanoseconds(time)
    tables = {name: _table(run, name, columns) for name, columns in _NEEDED.items()}
    _check_symbol(symbol, _symbols(run, tables))
    bar = _bar(run, asked)
    trades, refusals = (_rows(table, symbol) for table in tables.values())
    events = list(_events(trades, bar))
    refused = [row for times, row in refusals if times["time"] == bar]
    near = None if events or refused else _nearest(_decisions(trades, refusals), bar)
    if as_json:
        print_json(_document(run, symbol, bar, events, refused, near))
    else:
        for line in _lines(run, symbol, bar, events, refused, near):
            click.echo(line)


# --- what is asked -------------------------------------------------------------------------------


def _nanoseconds(text: str) -> int:
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError as error:
        forms = '2024-01-31, "2024-01-31 23:55" or 2024-01-31T23:55+01:00; without a zone it is UTC'
        raise InputError(f"{text!r} is not a time; write {forms}") from error
    moment = moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
    return (moment - _EPOCH) // dt.timedelta(microseconds=1) * 1000


def _table(run: StoredRun, name: str, columns: Sequence[str]) -> Table:
    table = run.table(name)
    missing = [column for column in columns if column not in table]
    if missing:
        raise ResultsError(
            f"table {name!r} in {str(run.folder)!r} has no column {missing[0]!r}: nothing to tell from it"
        )
    return table


def _symbols(run: StoredRun, tables: Mapping[str, Table]) -> list[str]:
    listed = run.manifest.get("symbols") or ()
    named = [str(series.get("symbol")) for series in listed if isinstance(series, Mapping)]
    return list(dict.fromkeys([*named, *(str(symbol) for table in tables.values() for symbol in table["symbol"])]))


def _check_symbol(symbol: str, known: Sequence[str]) -> None:
    if symbol not in known:
        has = f"; it has {', '.join(known) or 'none'}"
        raise InputError(f"the run has no market {symbol!r}{did_you_mean(symbol, known, has)}")


def _bar(run: StoredRun, asked: int) -> int:
    """The open of the bar that holds the moment. Raises ResultsError when no bar of the run does."""
    from quantsail_framework.domain.bars import utc_text
    from quantsail_framework.domain.timeframe import Timeframe

    times, timeframe = run.table("equity")["time"], run.manifest.get("timeframe")
    if timeframe is None:
        raise ResultsError(
            f"the manifest in {str(run.folder)!r} tells no timeframe: which bar holds a time is not known"
        )
    length = Timeframe(timeframe).ns
    row = int(times.searchsorted(asked, side="right")) - 1
    if row >= 0 and asked < int(times[row]) + length:
        return int(times[row])
    what = f"no bar of the run holds {utc_text(asked)}"
    if not len(times):
        raise ResultsError(f"{what}: it has none")
    if 0 <= row < len(times) - 1:
        before, after = (utc_text(int(times[index])) for index in (row, row + 1))
        raise ResultsError(f"{what}: after the bar of {before} the next one opens at {after}")
    raise ResultsError(f"{what}: its bars open from {utc_text(int(times[0]))} to {utc_text(int(times[-1]))}")


# --- what there is -------------------------------------------------------------------------------


def _rows(table: Table, symbol: str) -> list[tuple[_Row, _Row]]:
    """The rows of one market, each with its times in nanoseconds and as plain values."""
    from quantsail_framework.domain.result import is_time_column, plain_rows

    own = table["symbol"] == symbol
    mine = {name: column[own] for name, column in table.items()}
    times = {name: column.tolist() for name, column in mine.items() if is_time_column(name)}
    return [
        ({name: column[index] for name, column in times.items()}, dict(zip(mine, row, strict=True)))
        for index, row in enumerate(plain_rows(mine))
    ]


def _events(trades: Sequence[tuple[_Row, _Row]], bar: int) -> Iterator[_Event]:
    for times, trade in trades:
        signal, entry, exit_ = (times[f"{what}_time"] for what in ("signal", "entry", "exit"))
        at_bar = {
            "decided": signal == bar,
            "waiting": signal < bar < entry,
            "entered": entry == bar,
            "held": entry < bar < exit_,
            "left": exit_ == bar,
        }
        yield from (_Event(event, trade) for event, happened in at_bar.items() if happened)


def _decisions(trades: Sequence[tuple[_Row, _Row]], refusals: Sequence[tuple[_Row, _Row]]) -> Iterator[_Decision]:
    for times, trade in trades:
        yield _Decision(times["signal_time"], f"{trade['side']} entry decided")
        yield _Decision(times["exit_time"], f"{trade['side']} position left by {trade['exit_reason']}")
    for times, refusal in refusals:
        yield _Decision(times["time"], f"{refusal['side']} entry refused by {refusal['rule']}")


def _nearest(decisions: Iterator[_Decision], bar: int) -> dict[str, _Decision | None]:
    """The last decision before the bar and the first after it."""
    ordered = sorted(decisions, key=lambda decision: decision.time)
    before = [decision for decision in ordered if decision.time < bar]
    after = [decision for decision in ordered if decision.time > bar]
    return {"before": before[-1] if before else None, "after": after[0] if after else None}


# --- what is said --------------------------------------------------------------------------------


def _document(
    run: StoredRun,
    symbol: str,
    bar: int,
    events: Sequence[_Event],
    refused: Sequence[_Row],
    near: Mapping[str, _Decision | None] | None,
) -> dict[str, Any]:
    nearest = {
        place: {"bar": _iso(decision.time), "decision": decision.text} if decision else None
        for place, decision in (near or {}).items()
    }
    return {
        "run": str(run.folder),
        "symbol": symbol,
        "bar": _iso(bar),
        "events": [attrs.asdict(event, recurse=False) for event in events],
        "refusals": refused,
        "nearest": nearest or None,
    }


def _iso(time_ns: int) -> str:
    return dt.datetime.fromtimestamp(time_ns // 1_000_000_000, dt.UTC).isoformat().replace("+00:00", "Z")


def _lines(
    run: StoredRun,
    symbol: str,
    bar: int,
    events: Sequence[_Event],
    refused: Sequence[_Row],
    near: Mapping[str, _Decision | None] | None,
) -> Iterator[str]:
    from quantsail_framework.domain.bars import utc_text

    yield f"{symbol}, bar of {utc_text(bar)} ({run.manifest['timeframe']}) in {run.folder}"
    for _, of_trade in groupby(events, key=lambda event: id(event.trade)):
        yield from _told(list(of_trade))
    for row in refused:
        yield f"refused: {row['side']} entry{_at(row, 'price')} by {row['rule']}{_numbers(row, 'limit', 'value')}"
        if row.get("text"):
            yield f"  {brief(row['text'])}"
    if near is not None:
        yield f"nothing was decided{_warming(run, symbol, bar)}"
        for place, decision in near.items():
            told = f"{decision.text} at the bar of {utc_text(decision.time)}" if decision else "nothing"
            yield f"  {place}: {told}"


def _told(events: Sequence[_Event]) -> Iterator[str]:
    """A line for each thing that happened to one trade at the bar, and below them the trade."""
    trade = events[0].trade
    since = f"decided at the bar of {_when(trade['signal_time'])}"
    for event in events:
        yield {
            "decided": f"decided: {trade['side']} entry{_numbers(trade, 'confidence', 'equity_at_entry')}",
            "waiting": f"waiting: {trade['side']} entry {since} has not filled yet",
            "entered": f"entered: {trade['side']}, {since}",
            "held": f"held: {trade['side']}, {since}; meanwhile signals to enter are ignored",
            "left": f"left: {trade['side']} by {trade['exit_reason']}",
        }[event.event]
    if trade.get("reason"):
        yield f"  reason: {brief(trade['reason'])}"
    sizes = _numbers(trade, "stop", "target", "quantity", "risk", "bound_by")
    yield f"  entry: {_when(trade['entry_time'])}{_at(trade, 'entry_price')}{sizes}"
    ended = f"{_when(trade['exit_time'])}{_at(trade, 'exit_price')} by {trade['exit_reason']}"
    yield f"  exit: {ended}{_numbers(trade, 'gross_pnl', 'net_pnl')}"


def _when(moment: str) -> str:
    """An ISO time of a table as messages write times."""
    return f"{moment.removesuffix('Z').removesuffix(':00').replace('T', ' ')} UTC"


def _at(row: _Row, name: str) -> str:
    return "" if row.get(name) is None else f" at {_number(row[name])}"


def _numbers(row: _Row, *names: str) -> str:
    """``, limit 2, value 3``: those that the row has."""
    return "".join(f", {name.replace('_', ' ')} {_number(row[name])}" for name in names if row.get(name) is not None)


def _number(value: Any) -> str:
    return f"{value:.10g}" if isinstance(value, float) else str(value)


def _warming(run: StoredRun, symbol: str, bar: int) -> str:
    """Where the bar comes before the market's first tradable one: that it could not decide anything."""
    from quantsail_framework.domain.bars import utc_text

    for series in run.manifest.get("symbols") or ():
        first = series.get("first_tradable") if isinstance(series, Mapping) and series.get("symbol") == symbol else None
        if isinstance(first, int) and bar < first:
            return f": the warm-up lasts until the bar of {utc_text(first)}"
    return ""
