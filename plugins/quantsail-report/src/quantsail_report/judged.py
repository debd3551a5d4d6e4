"""The sections of a result that was judged: what its verdict rests on, and the windows of a walk-forward."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from quantsail_framework.domain.result import RunResult, Table
from quantsail_report.figures import labelled
from quantsail_report.numbers import Format, Money, change, count, date, general, percent, plain, ratio
from quantsail_report.section import Row, Section

_WINDOWS = {
    *("window", "test_start_time", "test_end_time", "status", "score"),
    *("train_return", "test_return", "test_trades", "test_net_pnl"),
}

DRIFTS = "drift_by_parameter"
OF_WALK: Mapping[str, tuple[str, Format]] = {
    "windows": ("windows", count),
    "windows_traded": ("windows with trades", count),
    "positive_windows": ("share of windows with a profit", percent),
    "pooled_profit_factor": ("profit factor of all their trades", ratio),
    "walk_forward_efficiency": ("efficiency: return a year, test over training", ratio),
    "parameter_drift": ("drift of the parameters, of their ranges", percent),
}


def criteria(result: RunResult) -> Section:
    """Every condition of the verdict with its value, its limit, and whether it is met."""
    listed = [each for each in result.facts.get("criteria") or () if isinstance(each, Mapping)]
    rows = tuple(
        (_words(each.get("name")), general(each.get("value")), general(each.get("limit")), _met(each))
        for each in listed
    )
    return Section("Criteria", "lrrl", ("criterion", "value", "limit", "met"), rows)


def _met(criterion: Mapping[str, Any]) -> str:
    return "yes" if criterion.get("passed") else "no"


def windows(result: RunResult, money: Money) -> Section:
    """A row a window of a walk-forward; nothing of any other result."""
    table = result.tables.get("windows", {})
    known = result.kind == "walk-forward" and set(table) >= _WINDOWS
    header = ("window", "test", "chosen", "score", "train", "test return", "trades", "net")
    return Section("Windows", "rllrrrrr", header, tuple(_windows(result, table, money)) if known else ())


def _windows(result: RunResult, table: Table, money: Money) -> Iterator[Row]:
    paths = [path for path in result.facts.get("parameters") or () if path in table]
    names = short_names(paths)
    for row in range(len(table["window"])):
        value = {name: plain(column[row]) for name, column in table.items()}
        flat = value["status"] == "flat"
        yield (
            count(value["window"]),
            f"{date(value['test_start_time'])} to {date(value['test_end_time'])}",
            "stays flat" if flat else ", ".join(f"{names[path]} {general(value[path])}" for path in paths),
            ratio(value["score"]),
            change(value["train_return"]),
            change(value["test_return"]),
            count(value["test_trades"]),
            money.result(value["test_net_pnl"]),
        )


def walk(result: RunResult) -> Section | None:
    """The figures of a walk-forward as a whole, with the drift of each parameter in shares of its range."""
    if result.kind != "walk-forward":
        return None
    rows = list(labelled(result, OF_WALK))
    drifts = result.metrics.get(DRIFTS)
    if isinstance(drifts, Mapping):
        names = short_names(list(drifts))
        rows += [(f"drift of {names[path]}", percent(drift)) for path, drift in drifts.items()]
    return Section("Walk-forward", "lr", rows=tuple(rows))


def short_names(paths: Sequence[str]) -> dict[str, str]:
    """The last part of each path, or the whole where another ends alike."""
    last = Counter(path.rsplit(".", 1)[-1] for path in paths)
    return {path: name if last[name := path.rsplit(".", 1)[-1]] == 1 else path for path in paths}


def _words(name: Any) -> str:
    return str(name).replace("_", " ")
