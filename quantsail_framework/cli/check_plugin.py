"""``quantsail plugins check``: whether an installed plugin keeps the contracts of its components."""

from __future__ import annotations

import datetime as dt
import textwrap
from collections import Counter
from collections.abc import Iterable, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import click

from quantsail_framework import __version__
from quantsail_framework.cli.output import print_json, print_table, progress_bar
from quantsail_framework.errors import DataError, InputError, PluginError
from quantsail_framework.plugins import PluginInfo, Registered, Registry, load_registry, unknown_plugin

if TYPE_CHECKING:
    from quantsail_framework.testing.check import Outcome

RESULTS = ("passed", "failed", "waived", "not applicable")


@click.command()
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def check(name: str, as_json: bool) -> None:
    """Ask the conformance kit about an installed plugin.

    NAME is a plugin, its distribution, or one component as KIND/COMPONENT. Exits 1 when a case fails. What needs the
    network or candles that are not here is left to the plugin's own tests, and says so.
    """
    if find_spec("pytest") is None:
        raise InputError("the conformance kit needs pytest, which is not installed: pip install pytest")
    from quantsail_framework.testing.check import offers_of

    registry = load_registry()
    plugin, component = _wanted(registry, name)
    offers = [component] if component else offers_of(registry, plugin)
    outcomes = [*_load_failure(plugin), *_asked(registry, offers, shown=not as_json)]
    record = _record(plugin, outcomes)
    if component is None and _is_asked(record):
        _keep(plugin, record)
    if as_json:
        import attrs

        print_json({**record, "ok": not record["failed"], "cases": [attrs.asdict(each) for each in outcomes]})
    else:
        _print(plugin, outcomes, record)
    if record["failed"]:
        raise click.exceptions.Exit(1)


def _wanted(registry: Registry, name: str) -> tuple[PluginInfo, Registered | None]:
    """The plugin that is meant, and the component when it is only one. Raises PluginError, UnknownComponentError."""
    kind, slash, component = name.partition("/")
    if slash:
        offer = registry.get(kind, component)
        return offer.plugin, offer
    for plugin in registry.plugins:
        if plugin.is_called(name):
            if plugin.status == "blocked":
                raise PluginError(f"plugin {plugin.name!r} is switched off by QUANTSAIL_LOAD_PLUGINS")
            return plugin, None
    raise PluginError(unknown_plugin(name, [plugin.name for plugin in registry.plugins]))


def _load_failure(plugin: PluginInfo) -> list[Outcome]:
    from quantsail_framework.testing.check import Outcome

    if plugin.problem is None:
        return []
    return [Outcome("plugin", plugin.name, "CO-02", "descriptor is registered", "failed", plugin.problem)]


def _asked(registry: Registry, offers: Sequence[Registered], *, shown: bool) -> Iterable[Outcome]:
    from quantsail_framework.testing.check import check_components

    with progress_bar(shown=shown) as progress:
        for number, offer in enumerate(offers):
            if progress is not None:
                progress(number / len(offers), f"{offer.kind}/{offer.component.name}")
            yield from check_components(registry, [offer])


def _record(plugin: PluginInfo, outcomes: Sequence[Outcome]) -> dict[str, Any]:
    counts = Counter(outcome.result for outcome in outcomes)
    return {
        "plugin": plugin.name,
        "distribution": plugin.distribution,
        "version": plugin.version,
        "framework": __version__,
        "at": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        **{result.replace(" ", "_"): counts[result] for result in RESULTS},  # type: ignore[index]
    }


def _is_asked(record: dict[str, Any]) -> bool:
    """Whether a case was asked at all: otherwise there is no result to show or to keep."""
    return bool(record["passed"] or record["failed"])


def _keep(plugin: PluginInfo, record: dict[str, Any]) -> None:
    from quantsail_framework.cli.last_checks import keep

    try:
        keep(plugin, record)
    except DataError as error:
        click.echo(f"warning: `plugins list` will not show this result, it could not be kept: {error}", err=True)


def _print(plugin: PluginInfo, outcomes: Sequence[Outcome], record: dict[str, Any]) -> None:
    rows = _rows(outcomes)
    if rows:
        print_table(("kind", "case", "about", "result"), rows, ["result"])
    for reason in dict.fromkeys(map(_left_out, outcomes)):
        if reason:
            click.echo(reason)
    for outcome in outcomes:
        if outcome.result == "failed":
            click.echo(f"\n{outcome.case} of {outcome.kind}/{outcome.component} failed: {outcome.text}")
            click.echo(textwrap.indent(outcome.advice, "  "))
    counts = ", ".join(f"{record[result.replace(' ', '_')]} {result}" for result in RESULTS)
    click.echo(f"\n{plugin.label}: {counts if _is_asked(record) else 'nothing to check'}")


def _rows(outcomes: Sequence[Outcome]) -> list[tuple[str, str, str, str]]:
    """A row for each case of a kind: its result, and how many components have which where there are several."""
    found: dict[tuple[str, str, str], Counter[str]] = {}
    for outcome in outcomes:
        found.setdefault((outcome.kind, outcome.case, outcome.title), Counter())[outcome.result] += 1
    return [(*about, _result_text(counts)) for about, counts in found.items()]


def _result_text(counts: Counter[str]) -> str:
    if counts.total() == 1:
        return next(iter(counts))
    return ", ".join(f"{counts[result]} {result}" for result in RESULTS if counts[result])


def _left_out(outcome: Outcome) -> str:
    """Why it was not asked, in a line; the same one for all cases of a component that have the same reason."""
    who = f"{outcome.kind}/{outcome.component}"
    if outcome.result == "waived":
        return f"{outcome.case} of {who} is waived: {outcome.text}"
    return f"{who}: {outcome.text}" if outcome.result == "not applicable" else ""
