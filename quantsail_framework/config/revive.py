"""Plain option values, as a manifest keeps them, back to those of a pipeline file: JSON has no dates, TOML has."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

import attrs

from quantsail_framework.config.options import item_types, members, option_fields, value_type


def revived(cls: type[Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """The options of ``cls`` with the text of every date as a date again: what ``plain`` made of them, undone.

    Text stays where an option may also hold text, and where it is no date.
    """
    fields = option_fields(cls)
    return {name: _revived(value, fields[name].type) if name in fields else value for name, value in values.items()}


def without_none(value: Any) -> Any:
    """``value`` without the keys that hold None: in a pipeline file an option that is not set does not stand."""
    if isinstance(value, Mapping):
        return {name: without_none(item) for name, item in value.items() if item is not None}
    return [without_none(item) for item in value] if isinstance(value, list) else value


def _revived(value: Any, annotation: Any) -> Any:
    kinds = members(annotation)
    if isinstance(value, str):
        return _date(value) if str not in kinds and {dt.date, dt.datetime} & {*kinds} else value
    for kind in kinds:
        if isinstance(value, list) and (types_ := item_types(kind)) is not None:
            return [_revived(item, type_) for item, type_ in _paired(value, types_)]
        if isinstance(value, dict) and attrs.has(kind):
            return revived(kind, value)
        if isinstance(value, dict) and (type_ := value_type(kind)) is not None:
            return {name: _revived(item, type_) for name, item in value.items()}
    return value


def _paired(items: list[Any], types_: tuple[Any, ...]) -> list[tuple[Any, Any]]:
    """Each item with its type; a wrong number of items is told when they are structured."""
    each = types_ if types_[-1] is not ... else types_[:1] * len(items)
    return [(item, each[min(index, len(each) - 1)]) for index, item in enumerate(items)]


def _date(text: str) -> Any:
    try:
        return dt.date.fromisoformat(text) if len(text) == len("2024-01-31") else dt.datetime.fromisoformat(text)
    except ValueError:
        return text
