"""The sections of a result that came out of a search: its best trials, and what it owes to luck."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping

import numpy as np

from quantsail_framework.domain.result import RunResult, Table
from quantsail_report import figures
from quantsail_report.judged import short_names
from quantsail_report.numbers import Format, Money, change, count, general, percent, plain, ratio, with_unit
from quantsail_report.section import Row, Section

_TOP = 10
_OF_TRIAL: Mapping[str, tuple[str, Format]] = {
    "total_return": ("return", change),
    "max_drawdown": ("max drawdown", percent),
    "sharpe": ("Sharpe", ratio),
    "profit_factor": ("profit factor", ratio),
    "total_trades": ("trades", with_unit(0, "")),
}
INTERVALS = "intervals_95"


def best_trials(result: RunResult) -> Section | None:
    """The trials with the best scores, or those that no other beats in every objective; not of a walk-forward, whose
    windows say what they chose."""
    front = "pareto" in result.tables
    trials = result.tables.get("pareto" if front else "trials", {})
    if not {"trial", "score"} <= trials.keys() or "window" in trials:
        return None
    columns = list(_columns(result, trials))
    scores = trials["score"].astype(np.float64)
    order = [at for at in np.argsort(-scores, kind="stable").tolist() if np.isfinite(scores[at])]
    rows = [(count(rank), *(cell(at) for _, cell in columns)) for rank, at in enumerate(order[:_TOP], 1)]
    header = ("#", *(name for name, _ in columns))
    title = "Trials that no other beats in every objective" if front else "Best trials"
    return Section(title, "r" * len(header), header, tuple(rows), tuple(_about(result, len(order), bool(rows))))


def _about(result: RunResult, scored: int, found: bool) -> Iterator[str]:
    objectives = _objectives(result)
    trials = result.tables.get("trials", {})
    status = Counter(trials["status"].tolist()) if "status" in trials else {}
    of = ", ".join(f"{count(times)} {name}" for name, times in sorted(status.items(), key=lambda each: -each[1]))
    have = "are beaten by none" if "pareto" in result.tables else "have a score"
    more = f"; {count(scored)} {have}, of which {_TOP} are shown" if scored > _TOP else ""
    if "trial" in trials:
        yield f"{count(len(trials['trial']))} trials ({of or 'tried'}), scored by {' and '.join(objectives)}{more}."
    yield "What follows is the result of the first." if found else "No trial has a score."


def _objectives(result: RunResult) -> list[str]:
    told = result.facts.get("objective") or "score"
    return [str(each) for each in told] if isinstance(told, list | tuple) else [str(told)]


def _columns(result: RunResult, trials: Table) -> Iterator[tuple[str, Callable[[int], str]]]:
    """(heading, the cell of a trial)."""

    def cell(name: str, form: Format) -> Callable[[int], str]:
        return lambda at: form(plain(trials[name][at]))

    paths = [path for path in result.facts.get("parameters") or () if path in trials]
    names = short_names(paths)
    yield "trial", cell("trial", general)
    for path in paths:
        yield names[path], cell(path, general)
    first, *others = _objectives(result)
    yield first if others else "score", cell("score", ratio)
    for at, objective in enumerate(others, 2):
        if f"score_{at}" in trials:
            yield objective, cell(f"score_{at}", ratio)
    for name, (label, form) in _OF_TRIAL.items():
        if name in trials:
            yield label, cell(name, form)


def luck(result: RunResult, money: Money) -> Section:
    """What the figures above may owe to luck."""
    return Section("Luck", "lr", rows=tuple(figures.labelled(result, figures.of_luck(money))))


def intervals(result: RunResult, money: Money) -> Section | None:
    """Between which values a figure lies in 95 of 100 resampled histories."""
    found = result.metrics.get(INTERVALS)
    if not isinstance(found, Mapping):
        return None
    forms = figures.known(money)
    rows: list[Row] = []
    for name, interval in found.items():
        label, form = forms.get(name, (name.replace("_", " "), general))
        ends = interval if isinstance(interval, Mapping) else {}
        rows.append((label, *(form(plain(ends.get(end))) for end in ("low", "high"))))
    return Section("95% intervals", "lrr", ("", "from", "to"), tuple(rows))
