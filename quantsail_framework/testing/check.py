"""Asks the contract suites about an installed plugin without its tests, for `quantsail plugins check`."""

from __future__ import annotations

import contextlib
import inspect
import io
import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import attrs
import pytest

from quantsail_framework import testing
from quantsail_framework.errors import PluginError
from quantsail_framework.plugins import PluginInfo, Registered, Registry, load_class
from quantsail_framework.testing.contract import Contract
from quantsail_framework.testing.pytest_plugin import WAIVED

Result = Literal["passed", "failed", "waived", "not applicable"]

_SUITES: Mapping[str, str] = {
    "data-source": "DataSourceContract",
    "strategy": "StrategyContract",
    "cost-model": "CostModelContract",
    "sizer": "SizerContract",
    "risk-rule": "RiskRuleContract",
    "alert-sink": "AlertSinkContract",
    "runner": "RunnerContract",
    "broker": "BrokerContract",
    "executor": "ExecutorContract",
    "reporter": "ReporterContract",
    "observer": "ObserverContract",
    "objective": "ObjectiveContract",
}


@attrs.frozen
class Outcome:
    """What one case says of one component. ``text`` is why it failed or was not asked, ``advice`` what to look at."""

    kind: str
    component: str
    case: str
    title: str
    result: Result
    text: str = ""
    advice: str = ""


def offers_of(registry: Registry, plugin: PluginInfo) -> list[Registered]:
    """Every component that ``plugin`` offers, by kind and name."""
    return [offer for offer in registry.offers() if offer.plugin == plugin]


def check_components(registry: Registry, offers: Sequence[Registered]) -> Iterator[Outcome]:
    """Every case of every component, as it is done. Shows nothing of what they print, and leaves no file behind.

    One whose name another component of its kind has cannot be used, so nothing else is asked of it.
    """
    for offer in offers:
        if clash := registry.clash(offer):
            who = offer.kind, offer.component.name
            yield Outcome(*who, "CO-02", "descriptor is registered", "failed", clash)
        else:
            yield from _check(offer)


def _check(offer: Registered) -> Iterator[Outcome]:
    who = offer.kind, offer.component.name
    if offer.kind not in _SUITES:
        yield Outcome(*who, "", f"{offer.kind}s have no contract", "not applicable", f"{offer.kind}s have no contract")
        return
    try:
        tested = _suite(offer)
    except PluginError as error:
        yield Outcome(*who, "CO-06", "builds from its example", "failed", str(error))
        return
    except TypeError as error:
        yield Outcome(*who, "CO-02", "descriptor is registered", "failed", str(error))
        return
    for number, name in tested.cases.items():
        method = getattr(type(tested), name)
        title = name.partition("_")[2].partition("_")[2].replace("_", " ")
        yield Outcome(*who, number, title, *_ask(tested, number, method), inspect.getdoc(method) or "")


def _suite(offer: Registered) -> Contract:
    """The suite as the plugin's own tests would have it, with what its descriptor says."""
    name = "BarStrategyContract" if hasattr(load_class(offer), "on_bar") else _SUITES[offer.kind]
    suite: type[Contract] = getattr(testing, name)
    component = offer.component
    unknown = [attribute for attribute in component.contract if not hasattr(suite, attribute)]
    if unknown:
        raise TypeError(f"the descriptor sets {', '.join(unknown)} in `contract`, which {name} does not have")
    body = {**component.contract, "plugin": offer.plugin.module, "component": component.name}
    tested: Contract = type(f"check of {component.name}", (suite,), body)()
    tested.lacks = _lacks(offer, tested)
    return tested


def _lacks(offer: Registered, tested: Any) -> str:
    if offer.component.network:
        return "it needs the network: its own tests give it a server"
    if offer.kind == "data-source" and not tested.symbols:
        return "it has no candles here: its own tests give it some"
    if offer.kind == "broker":
        return "it needs a venue: its own tests give it one"
    return ""


def _ask(tested: Contract, number: str, method: Any) -> tuple[Result, str]:
    if reason := tested.left_out(number):
        waived = reason.startswith(WAIVED)
        return ("waived", tested.waive[number]) if waived else ("not applicable", reason)
    try:
        with _aside():
            method.__wrapped__(tested)
    except pytest.skip.Exception as skipped:
        return "not applicable", str(skipped)
    except (AssertionError, pytest.fail.Exception) as violation:
        return "failed", str(violation)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - whatever a stranger's code does
        return "failed", f"{type(error).__name__}: {error}"
    return "passed", ""


@contextlib.contextmanager
def _aside() -> Iterator[None]:
    """A folder of its own to work in; nothing is shown of what is printed or warned of."""
    with (
        tempfile.TemporaryDirectory() as folder,
        contextlib.chdir(folder),
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        yield
