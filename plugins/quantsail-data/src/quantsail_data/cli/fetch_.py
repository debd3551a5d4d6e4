"""``quantsail data fetch``: candles from an exchange into the store."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import attrs
import click

from quantsail_data.cli.common import TIME, TIMEFRAME, json_option
from quantsail_framework.cli.output import print_json, print_table
from quantsail_framework.errors import DataError, InputError, MissingSeriesError, PluginError, UnknownComponentError

if TYPE_CHECKING:
    from quantsail_framework.domain.timeframe import Timeframe
    from quantsail_framework.ports.data_source import BarRequest, Fetched, Fetcher
    from quantsail_framework.ports.runner import Pipeline

FETCHER = "ccxt"  # the source that fetches where the pipeline's own does not
_SPEAK_S = 5.0  # between two lines of progress where there is no terminal


@click.command("fetch")
@click.argument("symbols", nargs=-1, metavar="[SYMBOL]...")
@click.option("--exchange", help="Exchange by its ccxt id, such as binance or kraken.")
@click.option("--timeframe", "-t", "timeframes", type=TIMEFRAME, multiple=True, help="Such as 5m; may repeat.")
@click.option("--since", type=TIME, help="From this date on (UTC); default: from the first candle there is.")
@click.option("--until", type=TIME, help="Up to this date, exclusive (UTC); default: up to the last closed candle.")
@click.option(
    "--for",
    "file",
    type=click.Path(path_type=Path),
    help="Fetch what this pipeline needs, warm-up and informative series included, into the store that it names.",
)
@click.option(
    "--ccxt-config",
    "config",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="TOML file handed to the ccxt client as it is: proxies, options, urls.",
)
@click.option("--store", "root", type=click.Path(path_type=Path), help="Root folder of the store; default: data.")
@json_option
def command(
    symbols: Sequence[str],
    exchange: str | None,
    timeframes: Sequence[Timeframe],
    since: int | None,
    until: int | None,
    file: Path | None,
    config: Path | None,
    root: Path | None,
    as_json: bool,
) -> None:
    """Fetch candles from an exchange into the store.

    Only what is missing is fetched: stopped and called again, it goes on where it was. What was shown as stored is
    on disk. Exit code 1 when an exchange did not answer to the end; the rest is stored.
    """
    given = (*symbols, *timeframes, *(value for value in (exchange, since, until, config, root) if value is not None))
    if file is not None and given:
        raise click.UsageError(
            "--for takes exchange, symbols, timeframes, range and store from the pipeline file alone"
        )
    with _progress() as progress:
        if file is not None:
            done = _fetch_for(file, progress)
        else:
            source = _fetcher(
                exchange=_required(exchange, "--exchange", "--exchange binance"),
                path=root or Path("data"),
                config=_table(config),
            )
            done = list(_fetch(source, _requests(symbols, timeframes, since, until), progress))
    _print(done, as_json=as_json)
    if any(fetched.error for fetched in done):
        raise click.exceptions.Exit(1)


def _fetch(source: Fetcher, requests: Sequence[BarRequest], progress: _Progress) -> Sequence[Fetched]:
    """Fetch; a stop tells what is stored by then."""
    try:
        return source.fetch(requests, progress)
    except KeyboardInterrupt as stop:
        stop.add_note(f"{progress.told():,} bars of {len(requests)} series are stored; call again to go on")
        raise


def _fetch_for(file: Path, progress: _Progress) -> list[Fetched]:
    """What a run of the pipeline asks for: its own candles, then informative ones from its first bar on."""
    from quantsail_framework.config import load_pipeline
    from quantsail_framework.engine.market import informative_requests, own_requests, warmup_of
    from quantsail_framework.session import allowed_registry, blaming

    pipeline = load_pipeline(file)
    fetcher = _fetcher_of(pipeline, file)
    with blaming(pipeline, allowed_registry(pipeline)):
        own = own_requests(pipeline, warmup_of(pipeline))
    done = list(_fetch(fetcher, own, progress))
    stored = [bars for bars in pipeline.source.bars(own) if len(bars)] if not any(each.error for each in done) else []
    if not stored:
        return done
    first, end = min(int(bars.time[0]) for bars in stored), max(int(bars.time[-1]) for bars in stored)
    for request in informative_requests(pipeline.data, first, end + pipeline.data.timeframe.ns):
        try:
            done += _fetch(fetcher, [request], progress)
        except MissingSeriesError:  # a run makes it of its own timeframe, where that can be
            shorter = attrs.evolve(request, timeframe=pipeline.data.timeframe)
            if shorter.timeframe >= request.timeframe or request.timeframe.ns % shorter.timeframe.ns:
                raise
            if request.symbol not in pipeline.data.symbols:
                done += _fetch(fetcher, [shorter], progress)
    return done


def _fetcher_of(pipeline: Pipeline, file: Path) -> Fetcher:
    source: Any = pipeline.source
    if hasattr(source, "fetch"):
        fetcher: Fetcher = source
        return fetcher
    use = pipeline.resolved["data"]["use"]
    if use != "store":
        raise InputError(f"{file}: the data source {use!r} fetches nothing; use 'store' or {FETCHER!r}")
    return _fetcher(exchange=source.venue, path=source.path, config={})


def _fetcher(*, exchange: str, path: Path, config: Mapping[str, Any]) -> Fetcher:
    from quantsail_framework.plugins import load_registry

    try:
        make = load_registry().load("data-source", FETCHER)
    except UnknownComponentError as error:
        raise PluginError("fetching needs the plugin quantsail-ccxt: pip install quantsail-ccxt") from error
    try:
        fetcher: Fetcher = make(exchange=exchange, path=path, ccxt_config=config)
    except (ValueError, TypeError) as error:
        raise InputError(str(error.args[0] if error.args else error)) from error
    return fetcher


def _requests(
    symbols: Sequence[str], timeframes: Sequence[Timeframe], since: int | None, until: int | None
) -> list[BarRequest]:
    from quantsail_framework.ports.data_source import BarRequest

    _required(symbols, "a symbol", "BTC/USDT")
    _required(timeframes, "--timeframe", "--timeframe 5m")
    if since is not None and until is not None and since >= until:
        raise click.UsageError("--since must lie before --until, which is exclusive")
    return [BarRequest(symbol, length, since, until) for symbol in symbols for length in timeframes]


def _required(value: Any, what: str, example: str) -> Any:
    if not value:
        raise click.UsageError(f"{what} is missing, such as {example}; or --for FILE takes all from a pipeline")
    return value


def _table(config: Path | None) -> dict[str, Any]:
    import tomllib

    if config is None:
        return {}
    try:
        return tomllib.loads(config.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{config}: not readable TOML ({error})") from None


def _print(done: Sequence[Fetched], *, as_json: bool) -> None:
    names = ("symbol", "timeframe", "new", "in range")
    rows = [(d.request.symbol, str(d.request.timeframe), d.new, d.stored) for d in done]
    if as_json:
        keys = [name.replace(" ", "_") for name in names]
        print_json(
            [{**dict(zip(keys, row, strict=True)), "error": d.error or None} for row, d in zip(rows, done, strict=True)]
        )
    else:
        print_table(names, rows)
    for fetched in done:
        if fetched.error:
            click.echo(f"error: {fetched.error}", err=True)


@contextmanager
def _progress() -> Iterator[_Progress]:
    """A bar per series on a terminal, a line now and then elsewhere; both on stderr."""
    if not sys.stderr.isatty():
        yield _Lines()
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[rate]}"))
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True)) as bars:
        shown = _Bars(bars)
        yield shown
        shown.finish()


class _Progress(Protocol):
    """A FetchProgress that remembers what it was told."""

    def __call__(self, request: BarRequest, stored: int, expected: int) -> None: ...

    def told(self) -> int:
        """Bars that are stored of all series."""
        ...


class _Lines:
    """Progress where nobody can be shown a bar: what is stored, at most every five seconds a series."""

    def __init__(self) -> None:
        self._said: dict[BarRequest, float] = {}
        self._stored: dict[BarRequest, int] = {}

    def __call__(self, request: BarRequest, stored: int, expected: int) -> None:
        now = time.monotonic()
        self._stored[request] = stored
        if now - self._said.get(request, 0.0) < _SPEAK_S and stored < expected:
            return
        self._said[request] = now
        click.echo(f"{request.symbol} {request.timeframe}: {stored:,} of about {expected:,} bars stored", err=True)

    def told(self) -> int:
        """Bars that are stored of all series."""
        return sum(self._stored.values())


class _Bars:
    """A bar per series, with bars a second and the time that is left."""

    def __init__(self, bars: Any) -> None:
        self._bars = bars
        self._tasks: dict[BarRequest, Any] = {}
        self._begun: dict[BarRequest, tuple[float, int]] = {}

    def __call__(self, request: BarRequest, stored: int, expected: int) -> None:
        now = time.monotonic()
        if request not in self._tasks:
            name = f"{request.symbol} {request.timeframe}"
            self._tasks[request] = self._bars.add_task(name, total=expected, completed=stored, rate="")
            self._begun[request] = now, stored
        begun, before = self._begun[request]
        rate = f"{(stored - before) / (now - begun):,.0f} bars/s" if now > begun and stored > before else ""
        self._bars.update(self._tasks[request], completed=stored, total=max(stored, expected), rate=rate)

    def finish(self) -> None:
        """What came is all there is: a guess is no reason to look unfinished."""
        for task in self._bars.tasks:
            self._bars.update(task.id, total=task.completed)

    def told(self) -> int:
        """Bars that are stored of all series."""
        return int(sum(task.completed for task in self._bars.tasks))
