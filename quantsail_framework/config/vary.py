"""The same pipeline with other options: how a search makes its trials, checked as strictly as a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from quantsail_framework.config.options import option_fields
from quantsail_framework.config.plain import plain
from quantsail_framework.config.structure import Problem, RefusedError, made_of, structure_options
from quantsail_framework.config.tree import item_names
from quantsail_framework.config.wording import did_you_mean
from quantsail_framework.errors import PipelineError
from quantsail_framework.ports.runner import NamedRule, Pipeline

# The tables whose options can be varied.
VARIED = ("strategy", "costs", "sizer", "risk")
_Changes = Mapping[str, Any]
# A component (or list or table of them), and how the manifest shows it.
_Part = tuple[Any, Any]


def vary(pipeline: Pipeline, values: Mapping[str, Any]) -> Pipeline:
    """``pipeline`` with the options at the dotted paths of ``values`` set; paths as of ``--set``.

    They lead to options of the strategy, the costs, the sizer and the risk rules (``risk.max-exposure.pct``), and of
    components inside them. Raises PipelineError with every problem, by path.
    """
    resolved, parts, problems = dict(pipeline.resolved), {}, []
    for table, changes in nested(values).items():
        try:
            parts[table], resolved[table] = _varied(pipeline, table, changes)
        except RefusedError as refused:
            problems += [".".join(map(str, (table, *path))) + f": {text}" for path, text in refused.problems]
    if problems:
        raise PipelineError(problems)
    return attrs.evolve(pipeline, resolved=resolved, **parts)


def option_at(pipeline: Pipeline, path: str) -> Any:
    """The value of the option at ``path``. Raises PipelineError for a path that leads to none."""
    seen: list[Any] = []

    def look(value: Any) -> Any:
        seen.append(value)
        return value

    vary(pipeline, {path: look})
    return seen[0]


def nested(values: Mapping[str, Any]) -> dict[str, Any]:
    """Dotted paths as tables inside tables."""
    tables: dict[str, Any] = {}
    for path, value in values.items():
        *way, last = path.split(".")
        table = tables
        for name in way:
            table = table.setdefault(name, {})
        table[last] = value
    return tables


def _varied(pipeline: Pipeline, table: str, changes: Any) -> _Part:
    if table not in VARIED or not isinstance(changes, Mapping):
        near = did_you_mean(table, VARIED, "") if table not in VARIED else ""
        raise RefusedError([((), f"cannot be varied{near}; options of {', '.join(VARIED)} can")])
    shown = pipeline.resolved.get(table, {})
    if table != "risk":
        return _changed((getattr(pipeline, table), shown), changes)
    names = [named.name for named in pipeline.risk]
    rules = [named.rule for named in pipeline.risk]
    new, shown = _changed_items(names, rules, shown or [{} for _ in names], changes)
    return tuple(map(NamedRule, names, new)), shown


def _changed(part: _Part, changes: _Changes) -> _Part:
    """A component with other options, and how it is shown."""
    component, shown = part
    fields = option_fields(type(component)) if attrs.has(type(component)) else {}
    options = {name: getattr(component, field.name) for name, field in fields.items()}
    shown = dict(shown)
    problems: list[Problem] = []
    for name, change in changes.items():
        try:
            options[name], shown[name] = _changed_option((options.get(name), shown.get(name)), change)
        except RefusedError as refused:
            problems += [((name, *path), text) for path, text in refused.problems]
    if problems:
        _, wrong = structure_options(type(component), options, type(component).__name__)
        raise RefusedError(problems + wrong)
    return made_of(type(component), options), shown


def _changed_option(part: _Part, change: Any) -> _Part:
    value, shown = part
    if callable(change):  # one who looks only
        return change(value), shown
    if isinstance(change, Mapping) and attrs.has(type(value)):
        return _changed(part, change)
    if isinstance(change, Mapping) and isinstance(value, tuple | list):
        names = item_names([item.get("use", "") if isinstance(item, Mapping) else "" for item in shown])
        items, shown = _changed_items(names, value, shown, change)
        return tuple(items), shown
    if isinstance(change, Mapping) and isinstance(value, Mapping):
        items, new = _changed_items(list(value), list(value.values()), [shown[name] for name in value], change)
        return dict(zip(value, items, strict=True)), dict(zip(value, new, strict=True))
    return change, plain(change)


def _changed_items(
    names: Sequence[str], items: Sequence[Any], shown: Sequence[Any], changes: _Changes
) -> tuple[list[Any], list[Any]]:
    """Components of a list or table with other options, in their order."""
    new, new_shown = list(items), list(shown)
    problems: list[Problem] = []
    for name, change in changes.items():
        if name not in names:
            problems.append(((name,), f"there is none of this name{did_you_mean(name, names, '')}"))
            continue
        at = names.index(name)
        try:
            new[at], new_shown[at] = _changed((items[at], shown[at]), change)
        except RefusedError as refused:
            problems += [((name, *path), text) for path, text in refused.problems]
    if problems:
        raise RefusedError(problems)
    return new, new_shown
