"""``quantsail alerts test FILE``: one alert of each kind to each sink of a pipeline file, and what became of them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from quantsail_framework.cli.check import pipeline_options
from quantsail_framework.cli.output import print_json, print_table

if TYPE_CHECKING:
    from quantsail_framework.domain.alert import Alert
    from quantsail_framework.ports.alert_sink import RoutedSink

_LONGEST_WAIT_S = 30.0  # that a service may ask for


@click.group()
def alerts() -> None:
    """Try the alert sinks of a pipeline file."""


@alerts.command()
@pipeline_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def test(file: Path, sets: Sequence[str], profile: str | None, block: Sequence[str], as_json: bool) -> None:
    """Send one test alert of each kind to each sink.

    What min_level and only of a sink leave out is not sent to it. A sink that fails is not tried further.
    Exit code 0 when everything was delivered, else 1.
    """
    from quantsail_framework.config import load_pipeline, parse_overrides
    from quantsail_framework.errors import InputError

    overrides = parse_overrides(sets)
    pipeline = load_pipeline(file, profile=profile, overrides=overrides, told_as="--set", block=block)
    if not pipeline.alerts:
        raise InputError(f'{file} has no [[alerts]]; add one with use = "console" or another alert sink')
    reports = [_try_sink(routed, pipeline.name) for routed in pipeline.alerts]
    if as_json:
        print_json(reports)
    else:
        rows = [(r["sink"], len(r["sent"]), len(r["left_out"]), r["problem"] or "ok") for r in reports]
        print_table(("sink", "sent", "left out", "result"), rows, prose=["result"])
    if any(report["problem"] for report in reports):
        raise click.exceptions.Exit(1)


def _try_sink(routed: RoutedSink, name: str) -> dict[str, Any]:
    """What was sent, what the route leaves out, and the first problem."""
    from quantsail_framework.alerts import samples
    from quantsail_framework.config.secrets import redacted
    from quantsail_framework.config.wording import brief
    from quantsail_framework.errors import words

    alerts = samples(time.time_ns(), name)
    wanted = [alert for alert in alerts if routed.takes(alert)]
    sent: list[str] = []
    problem = None
    try:
        routed.sink.open()
        try:
            for alert in wanted:
                _send(routed, alert)
                sent.append(alert.kind)
        finally:
            routed.sink.close()
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a stranger's code
        problem = brief(redacted(words(error)))
    left_out = [alert.kind for alert in alerts if alert not in wanted]
    return {"sink": routed.name, "sent": sent, "left_out": left_out, "problem": problem}


def _send(routed: RoutedSink, alert: Alert) -> None:
    """Deliver it; where a service asks to come back soon, once more."""
    from quantsail_framework.errors import DeliveryError

    try:
        routed.sink.send(alert)
    except DeliveryError as error:
        if error.permanent or not 0.0 < (error.retry_after_s or 0.0) <= _LONGEST_WAIT_S:
            raise
        time.sleep(error.retry_after_s or 0.0)
        routed.sink.send(alert)
