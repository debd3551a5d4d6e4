"""Exports the metrics of a run to Prometheus; imports nothing heavy."""

from __future__ import annotations

from collections.abc import Iterable

from quantsail_framework import Component, hookimpl


@hookimpl
def quantsail_observers() -> Iterable[Component]:
    """An endpoint for runs that last, a file for runs that end."""
    yield Component(
        "prometheus",
        "quantsail_prometheus.observers:PrometheusEndpoint",
        "Serves the metrics of a run to Prometheus while it lasts.",
        network=True,
    )
    yield Component(
        "prometheus-textfile",
        "quantsail_prometheus.observers:PrometheusTextfile",
        "Leaves the metrics of a finished run as a file for the node exporter.",
        example={"path": "quantsail.prom"},
    )


@hookimpl
def quantsail_commands() -> Iterable[Component]:
    """What goes with the metrics."""
    yield Component(
        "prometheus",
        "quantsail_prometheus.command:prometheus",
        "Print the Grafana dashboard and the alert rules that go with the metrics.",
    )
