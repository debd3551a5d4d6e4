"""What the summary says, section by section, from the result of any runner: what a result lacks is left out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from quantsail_framework.domain.result import RunResult
from quantsail_framework.domain.timeframe import Timeframe
from quantsail_report import drawn, figures, judged, searched, tables
from quantsail_report.numbers import Money, count, date, moment
from quantsail_report.section import Section


def summary(result: RunResult) -> list[Section]:
    """The sections in the order in which a reader asks: what ran, what came out, why, what to know."""
    money = Money(_number(result.facts.get("capital")))
    sections = [
        judged.criteria(result),
        judged.windows(result, money),
        judged.walk(result),
        drawn.draws(result),
        searched.best_trials(result),
        _data(result),
        figures.outcome(result, money),
        figures.statistics(result, money),
        searched.luck(result, money),
        searched.intervals(result, money),
        figures.costs(result, money),
        *tables.breakdowns(result, money),
        tables.refusals(result),
        figures.others(result, _shown(result)),
        tables.other_tables(result),
        figures.undefined(result),
        Section("Notes", lines=tuple(f"- {note}" for note in result.notes)),
    ]
    told = [section for section in sections if section is not None and (section.rows or section.lines)]
    return [_header(result, money), *told]


def _shown(result: RunResult) -> set[str]:
    """The metrics of searches and Monte Carlos that have a section of their own."""
    of_walk = {*judged.OF_WALK, judged.DRIFTS} if result.kind == "walk-forward" else set()
    intervals = {searched.INTERVALS} if isinstance(result.metrics.get(searched.INTERVALS), Mapping) else set()
    return {*intervals, *drawn.shown(result.metrics), *of_walk}


def _header(result: RunResult, money: Money) -> Section:
    return Section(f"{result.name} ({result.kind})", "ll", rows=tuple(_about(result, money)))


def _about(result: RunResult, money: Money) -> Iterator[tuple[str, str]]:
    facts, symbols = result.facts, _symbols(result)
    if "strategy" in facts:
        yield "strategy", str(facts["strategy"])
    if symbols:
        yield "symbols", _few([str(symbol.get("symbol")) for symbol in symbols])
        yield "bars", " ".join(filter(None, (count(sum(_bars(symbol) for symbol in symbols)), _bar_length(facts))))
        yield "range", _range(symbols, facts)
    if "capital" in facts:
        yield "capital", f"{money.amount(facts['capital'])} {facts.get('currency') or ''}".rstrip()
    if result.verdict is not None:
        yield "verdict", result.verdict.replace("_", " ")


def _bar_length(facts: Mapping[str, Any]) -> str:
    return f"of {facts['timeframe']}" if facts.get("timeframe") else ""


def _range(symbols: list[Mapping[str, Any]], facts: Mapping[str, Any]) -> str:
    """From the open of the first bar to the close of the last."""
    first = [int(symbol["first"]) for symbol in symbols if symbol.get("first") is not None]
    last = [int(symbol["last"]) for symbol in symbols if symbol.get("last") is not None]
    if not first or not last:
        return "no bars"
    length = Timeframe(str(facts["timeframe"])).ns if facts.get("timeframe") else 0
    return f"{moment(min(first))} to {moment(max(last) + length)} UTC"


def _data(result: RunResult) -> Section:
    """One row a symbol: dates of its first and last bar, when it may first trade, gaps, start of the data's SHA-256."""
    rows = tuple(
        (
            str(symbol.get("symbol")),
            count(_bars(symbol)),
            date(symbol.get("first")),
            date(symbol.get("last")),
            moment(symbol.get("first_tradable")),
            _gaps(symbol.get("gaps")),
            str(symbol.get("sha256") or "-")[:8],
        )
        for symbol in _symbols(result)
    )
    header = ("symbol", "bars", "first bar", "last bar", "first tradable", "gaps", "data")
    return Section("Data", "lrlllrl", header, rows, tuple(_rules(result)))


def _rules(result: RunResult) -> Iterator[str]:
    """``instrument rules: none`` and so on, with the symbols unless all are alike."""
    symbols: dict[str, list[str]] = {}
    for symbol in _symbols(result):
        if symbol.get("rules") is not None:
            symbols.setdefault(_words(symbol["rules"]), []).append(str(symbol.get("symbol")))
    for rules, names in symbols.items():
        yield f"instrument rules: {rules}" + (f" ({_few(names)})" if len(symbols) > 1 else "")


def _words(rules: Any) -> str:
    if isinstance(rules, Mapping):
        return ", ".join(f"{name} {value}" for name, value in rules.items() if value is not None) or "none"
    return str(rules)


def _gaps(gaps: Any) -> str:
    if gaps is None or isinstance(gaps, str):
        return gaps or "-"
    return count(len(gaps) if hasattr(gaps, "__len__") else gaps)


def _few(names: list[str]) -> str:
    shown = ", ".join(names[:6])
    return f"{shown} and {len(names) - 6} more" if len(names) > 6 else shown


def _symbols(result: RunResult) -> list[Mapping[str, Any]]:
    listed = result.facts.get("symbols") or []
    return [symbol for symbol in listed if isinstance(symbol, Mapping)]


def _bars(symbol: Mapping[str, Any]) -> int:
    return int(symbol.get("bars") or 0)


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) else None
