"""JSON Schema (draft 2020-12) of pipeline files from the installed components: completion and checks in editors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

import attrs

from quantsail_framework.config.local import REFERENCE, ClassReference
from quantsail_framework.config.options import (
    Option,
    component_kind,
    expected,
    is_union,
    item_types,
    members,
    options_of,
    value_type,
)
from quantsail_framework.config.plain import plain
from quantsail_framework.config.secrets import Secret
from quantsail_framework.config.tree import COMPONENT_LISTS, COMPONENT_TABLES

if TYPE_CHECKING:
    from quantsail_framework.plugins import Registry

Schema = dict[str, Any]

_LOCAL_CLASS = r"\.py:\w+$"
_SIMPLE: dict[Any, Schema] = {
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    str: {"type": "string"},
    Path: {"type": "string", "minLength": 1},
    ClassReference: {"type": "string", "pattern": REFERENCE},
    Any: {},
}


def json_schema(registry: Registry) -> Schema:
    """The schema of a pipeline file for what ``registry`` offers.

    Dates appear as text, as editors read them. A file that extends another may leave out what that
    one says. The options of a component that cannot be loaded are left open.
    """
    from quantsail_framework.config.assemble import FIRST_PARTY_RUNNERS, REQUIRED
    from quantsail_framework.config.tables import AlertsTable, DataTable, PipelineTable, PluginsTable

    kinds = [*COMPONENT_TABLES.values(), *COMPONENT_LISTS.values(), "objective"]  # which runners hold
    tables: dict[str, Schema] = {table: _reference(kind) for table, kind in COMPONENT_TABLES.items()}
    tables["data"] = _component(registry, "data-source", own=options_of(DataTable))
    own = {"alerts": options_of(AlertsTable)}
    lists: dict[str, Schema] = {
        table: {
            "type": "array",
            "items": {
                **(_component(registry, kind, own[table]) if table in own else _reference(kind)),
                "required": ["use"],
            },
        }
        for table, kind in COMPONENT_LISTS.items()
    }
    runners: dict[str, Schema] = {name: {"type": "object"} for name in FIRST_PARTY_RUNNERS}
    runners.update({name: _runner(registry, name) for name in registry.components("runner")})
    properties: dict[str, Schema] = {
        "extends": {"type": ["string", "array"], "items": {"type": "string"}, "description": "Files to build upon."},
        "pipeline": _closed(options_of(PipelineTable)),
        **tables,
        **lists,
        "plugins": _closed(options_of(PluginsTable)),
        **dict(sorted(runners.items())),
        "profiles": {"type": "object", "additionalProperties": {"type": "object"}},
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Quantsail pipeline",
        "type": "object",
        "properties": properties,
        "$defs": {kind: _component(registry, kind) for kind in kinds},
        "additionalProperties": False,
        "if": {"not": {"required": ["extends"]}},
        "then": _complete(["pipeline", *REQUIRED], {"pipeline": ["capital"], "data": ["use", "symbols", "timeframe"]}),
    }


def _complete(tables: list[str], needed: Mapping[str, list[str]]) -> Schema:
    """What a file must say that extends no other."""
    return {
        "required": tables,
        "properties": {table: {"required": needed.get(table, ["use"])} for table in tables},
    }


def _reference(kind: str) -> Schema:
    return {"$ref": f"#/$defs/{kind}"}


def _component(registry: Registry, kind: str, own: tuple[Option, ...] = ()) -> Schema:
    """A table with ``use``: its options follow from the component that it names."""
    names = list(registry.components(kind))
    use = {
        "anyOf": [*([{"enum": names}] if names else []), {"pattern": _LOCAL_CLASS}],
        "description": f"The {kind.replace('-', ' ')}.",
    }
    variants = list(_variants(registry, kind, names, own))
    table = {"type": "object", "properties": {"use": use, **_properties(own)}}
    return {**table, "allOf": variants} if variants else table


def _variants(registry: Registry, kind: str, names: list[str], own: tuple[Option, ...]) -> Iterator[Schema]:
    from quantsail_framework.errors import InputError

    for name in names:
        try:
            options = options_of(registry.load(kind, name))
        except InputError:
            continue  # `plugins doctor` tells why it cannot be loaded
        summary = registry.get(kind, name).component.summary
        table = _closed(options, also={"use": {"const": name}, **{option.name: {} for option in own}})
        yield {
            "if": {"properties": {"use": {"const": name}}, "required": ["use"]},
            "then": {"description": summary, **table, "required": [o.name for o in options if o.required]},
        }


def _runner(registry: Registry, name: str) -> Schema:
    from quantsail_framework.errors import InputError

    try:
        options = options_of(registry.load("runner", name))
    except InputError:
        return {"type": "object"}
    return {"description": registry.get("runner", name).component.summary, **_closed(options)}


def _closed(options: tuple[Option, ...], also: Mapping[str, Schema] | None = None) -> Schema:
    properties = {**(also or {}), **_properties(options)}
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _properties(options: tuple[Option, ...]) -> dict[str, Schema]:
    return {option.name: _option(option) for option in options}


def _option(option: Option) -> Schema:
    schema = {**_type(option.annotation), **_limits(option)}
    if option.doc:
        schema["description"] = option.doc
    if not option.required and option.default is not None:
        schema["default"] = option.default
    return schema


def _limits(option: Option) -> Schema:
    """Lengths of a list count items, in JSON Schema's words."""
    is_list = any(item_types(member) is not None for member in members(option.annotation))
    words = {"minLength": "minItems", "maxLength": "maxItems"} if is_list else {}
    return {words.get(keyword, keyword): limit for keyword, limit in option.keywords.items()}


def _type(annotation: Any) -> Schema:
    if is_union(annotation):
        schemas = [_type(member) for member in members(annotation)]
        return schemas[0] if len(schemas) == 1 else {"anyOf": schemas}
    if annotation in _SIMPLE:
        return dict(_SIMPLE[annotation])
    if get_origin(annotation) is Literal:
        return {"enum": list(get_args(annotation))}
    if kind := component_kind(annotation):
        return {**_reference(kind), "required": ["use"]}
    if annotation is Secret:
        properties = {"env": {"type": "string"}, "file": {"type": "string"}}
        return {"type": "object", "properties": properties, "minProperties": 1, "maxProperties": 1}
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return {"enum": [plain(member) for member in annotation]}
    return _collection(annotation)


def _collection(annotation: Any) -> Schema:
    items = item_types(annotation)
    if items is not None:
        if items[-1] is ...:
            return {"type": "array", "items": _type(items[0])}
        count = len(items)
        return {"type": "array", "prefixItems": [_type(item) for item in items], "minItems": count, "maxItems": count}
    values = value_type(annotation)
    if values is not None:
        return {"type": "object", "additionalProperties": _type(values)}
    if expected(annotation) == "a table" and attrs.has(annotation):
        options = options_of(annotation)
        return {**_closed(options), "required": [option.name for option in options if option.required]}
    return {"type": "string"}  # dates and timeframes
