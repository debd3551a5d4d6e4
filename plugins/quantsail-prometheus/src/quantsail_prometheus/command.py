"""``quantsail prometheus``: prints the files that go with the metrics."""

from __future__ import annotations

from importlib.resources import files

import click


@click.group()
def prometheus() -> None:
    """Print the Grafana dashboard and the alert rules that go with the metrics."""


@prometheus.command()
def dashboard() -> None:
    """Print the dashboard, to import into Grafana."""
    click.echo(shipped("dashboard.json"), nl=False)


@prometheus.command()
def rules() -> None:
    """Print the alert rules, for `rule_files` of Prometheus."""
    click.echo(shipped("rules.yml"), nl=False)


def shipped(name: str) -> str:
    """The text of a file of this package."""
    return (files("quantsail_prometheus") / "files" / name).read_text(encoding="utf-8")
