"""The observers ``prometheus``, an endpoint while a run lasts, and ``prometheus-textfile``, a file after it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import attrs
from attrs.validators import and_, ge, instance_of, le, min_len

from quantsail_framework.domain.alert import Alert
from quantsail_framework.domain.order import Refusal, Trip
from quantsail_framework.domain.result import RunResult
from quantsail_framework.domain.trade import Position, Trade
from quantsail_framework.errors import InputError
from quantsail_framework.ports.runner import Pipeline
from quantsail_prometheus.tally import Tally


@attrs.frozen
class _Counts:
    """What both observers do with the events of a run: count them."""

    _tally: Tally = attrs.field(init=False, factory=Tally, eq=False, repr=False)

    def run_prepared(self, pipeline: Pipeline) -> None:
        """Begin anew."""
        self._tally.run_prepared(pipeline)

    def order_refused(self, refusal: Refusal) -> None:
        """Count it."""
        self._tally.order_refused(refusal)

    def order_filled(self, position: Position) -> None:
        """Count it."""
        self._tally.order_filled(position)

    def trade_closed(self, trade: Trade) -> None:
        """Count it and its result."""
        self._tally.trade_closed(trade)

    def breaker_tripped(self, rule: str, trip: Trip, time_ns: int) -> None:
        """Count it."""
        self._tally.breaker_tripped(rule)

    def equity_updated(self, time_ns: int, equity: float) -> None:
        """Show it."""
        self._tally.equity_updated(time_ns, equity)

    def bars_decided(self, time_ns: int, symbols: Sequence[str], seconds: float) -> None:
        """Show how old the data are and how long deciding took."""
        self._tally.bars_decided(time_ns, symbols, seconds)

    def alert_dropped(self, sink: str, alert: Alert) -> None:
        """Count it."""
        self._tally.alert_dropped(sink)


@attrs.frozen
class PrometheusEndpoint(_Counts):
    """Serves the metrics of a run at ``http://host:port/metrics`` from its start to its end.

    Prometheus has to come by in that time: this is for paper and live runs and long replays. Of a run that
    takes a second, use ``prometheus-textfile``. There is no password; who can reach the port can read.
    """

    port: int = attrs.field(
        default=9720,
        validator=and_(instance_of(int), ge(1), le(65_535)),
        metadata={"doc": "Port to listen on; each run that goes on at the same time needs its own."},
    )
    host: str = attrs.field(
        default="127.0.0.1",
        validator=min_len(1),
        metadata={"doc": "Address to listen on; the default can be reached from this machine only."},
    )
    _closers: list[Callable[[], None]] = attrs.field(init=False, factory=list, eq=False, repr=False)

    def open(self) -> None:
        """Listen. Raises InputError when the port is taken or the address is not this machine's."""
        from quantsail_prometheus.exposition import Endpoint

        self._closers.append(Endpoint(self._tally, self.host, self.port).close)

    def close(self) -> None:
        """Stop listening."""
        while self._closers:
            self._closers.pop()()


def _check_suffix(_instance: object, _field: attrs.Attribute[Path], value: Path) -> None:
    if value.suffix != ".prom":
        raise ValueError(f"must end in .prom, or the node exporter does not read it; got {str(value)!r}")


@attrs.frozen
class PrometheusTextfile(_Counts):
    """Writes the metrics of a run into a file when it has ended well, for the node exporter's textfile collector.

    This is for runs that end, such as a backtest every night. A run that fails leaves the old file, whose
    age the node exporter exports as ``node_textfile_mtime_seconds``.
    """

    path: Path = attrs.field(
        validator=_check_suffix,
        metadata={"doc": "File to write, ending in .prom, in the folder that the node exporter reads."},
    )

    def open(self) -> None:
        """Raises InputError when the folder is missing: better now than at the end of the run."""
        if not self.path.parent.is_dir():
            raise InputError(f"the folder of {str(self.path)!r} does not exist; make it, or mend the option path")

    def run_finished(self, result: RunResult) -> None:
        """There is something to write; alerts that are dropped after this still count."""
        self._tally.finished = True

    def close(self) -> None:
        """Write the file if the run ended well."""
        if self._tally.finished:
            from quantsail_prometheus.exposition import write_file

            write_file(self._tally, self.path)
