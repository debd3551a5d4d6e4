"""The numbers of a run as Prometheus reads them: a registry of its own, a server, a file.

The only module that imports prometheus_client; it is imported when an observer is opened.
"""

from __future__ import annotations

import errno
import logging
import os
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path
from socket import AF_INET, AF_INET6
from socketserver import ThreadingTCPServer
from threading import Thread
from typing import Any

from prometheus_client import CollectorRegistry, MetricsHandler, write_to_textfile
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.core import Metric as Family

from quantsail_framework.errors import InputError
from quantsail_prometheus.contract import COMMON_LABELS, LATENCY_BUCKETS, METRICS, Metric
from quantsail_prometheus.tally import Snapshot, Tally

_IDLE_S = 10.0  # a connection that asks nothing for so long is closed
_POLL_S = 0.05  # how long closing waits at most for the loop that accepts connections
_log = logging.getLogger(__name__)


class RunCollector:
    """Turns the tally of a run into metric families at each scrape."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally

    def collect(self) -> Iterator[Family]:
        """Every metric of the contract; nothing before the run is known."""
        snapshot = self._tally.snapshot()
        if snapshot.common is not None:
            for metric in METRICS:
                yield _family(metric, snapshot, snapshot.common)


def _family(metric: Metric, snapshot: Snapshot, common: tuple[str, str]) -> Family:
    names = (*COMMON_LABELS, *metric.labels)
    if metric.kind == "histogram":
        return _histogram(metric, names, snapshot, common)
    kind = CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily
    family = kind(metric.name, metric.help, labels=names)
    for labels, value in snapshot.series[metric].items():
        family.add_metric((*common, *labels), value)
    return family


def _histogram(metric: Metric, names: tuple[str, ...], snapshot: Snapshot, common: tuple[str, str]) -> Family:
    bounds = [*map(str, LATENCY_BUCKETS), "+Inf"]
    family = HistogramMetricFamily(metric.name, metric.help, labels=names)
    family.add_metric(common, list(zip(bounds, accumulate(snapshot.latencies), strict=True)), snapshot.latency_sum)
    return family


def registry_of(tally: Tally) -> CollectorRegistry:
    """A registry that holds this run and nothing else."""
    registry = CollectorRegistry()
    registry.register(RunCollector(tally))
    return registry


def write_file(tally: Tally, path: Path) -> None:
    """Put the metrics at ``path``, which is either the old file or the new one at any moment."""
    write_to_textfile(str(path), registry_of(tally))


class _Server(ThreadingTCPServer):
    # A port is free again at once. Windows takes the option to mean that two may listen.
    allow_reuse_address = os.name == "posix"
    request_queue_size = 64  # of the usual 5, a burst of scrapers would wait seconds for the next try
    daemon_threads = True  # a scraper that never finishes does not keep the run from ending

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A scraper that goes away is no event for the user's terminal."""
        _log.debug("a scrape from %s failed", client_address, exc_info=True)


class Endpoint:
    """Serves the metrics of one run over HTTP from construction until ``close``.

    Raises InputError when nothing can listen there.
    """

    def __init__(self, tally: Tally, host: str, port: int) -> None:
        handler = MetricsHandler.factory(registry_of(tally))
        handler.timeout = _IDLE_S  # type: ignore[attr-defined]
        server = type("_Server", (_Server,), {"address_family": AF_INET6 if ":" in host else AF_INET})
        try:
            self._server: ThreadingTCPServer = server((host, port), handler)
        except OSError as error:
            raise InputError(_cannot_listen(host, port, error)) from error
        self._thread = Thread(target=self._server.serve_forever, args=(_POLL_S,), name="quantsail-metrics", daemon=True)
        self._thread.start()
        _log.info("metrics at http://%s:%d/metrics", f"[{host}]" if ":" in host else host, port)

    def close(self) -> None:
        """Stop listening; the port is free when this returns."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _cannot_listen(host: str, port: int, error: OSError) -> str:
    where = f"port {port} of {host}"
    if error.errno == errno.EADDRINUSE:
        return (
            f"{where} is in use, perhaps by another run; give this one a free port: "
            f"port = {port + 1} below [[observers]], or --set observers.prometheus.port={port + 1}"
        )
    return f"cannot listen on {where}: {error.strerror or error}; see the options host and port"
