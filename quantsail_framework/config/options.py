"""The options of a component, read from the fields of its class: checks, docs and schema all draw from here."""

from __future__ import annotations

import datetime as dt
import inspect
import math
import types
import typing
from collections.abc import Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import Any, Literal, NamedTuple, Union, get_args, get_origin

import attrs

from quantsail_framework.config.local import ClassReference
from quantsail_framework.config.plain import plain
from quantsail_framework.config.secrets import Secret
from quantsail_framework.config.wording import quoted
from quantsail_framework.domain.timeframe import Timeframe
from quantsail_framework.errors import PluginError

_WORDS: dict[Any, str] = {
    int: "a whole number",
    float: "a number",
    str: "text",
    bool: "true or false",
    Path: "a path",
    dt.date: "a date",
    dt.datetime: "a date",
    Secret: "a secret",
    ClassReference: "a class",
    Timeframe: "a timeframe",
    Any: "any value",
}
_COMPARISONS = {">=": "minimum", ">": "exclusiveMinimum", "<=": "maximum", "<": "exclusiveMaximum"}


class Option(NamedTuple):
    """One option of a component.

    ``type_text`` and ``limits`` are words (``whole number``, ``>= 2``); ``default`` is a plain value,
    None also when ``required`` and where it is a component, which the doc names. ``keywords`` are the
    limits in the words of JSON Schema.
    """

    name: str
    type_text: str
    default: Any
    required: bool
    doc: str
    limits: str
    keywords: Mapping[str, Any]
    annotation: Any


def options_of(cls: type[Any]) -> tuple[Option, ...]:
    """The options of a component class, in the order of its fields. Raises PluginError when it has none to read."""
    return tuple(_option(name, field) for name, field in option_fields(cls).items())


def option_fields(cls: type[Any]) -> dict[str, attrs.Attribute[Any]]:
    """Fields by option name, with their types resolved. Raises PluginError for a class that is not an attrs class."""
    if not attrs.has(cls):
        raise PluginError(f"{cls.__name__} is not an attrs class; put @attrs.frozen on it, its fields are its options")
    try:
        attrs.resolve_types(cls, include_extras=False)
    except NameError as error:
        raise PluginError(
            f"{cls.__name__}: the types of its options cannot be read: {error}; "
            "import what they name at run time, not under TYPE_CHECKING"
        ) from error
    return {field.alias or field.name: field for field in attrs.fields(cls) if field.init}


def is_union(annotation: Any) -> bool:
    """Whether a type is ``A | B``."""
    return get_origin(annotation) in (Union, types.UnionType)


def members(annotation: Any) -> tuple[Any, ...]:
    """The types of a union beside None; of any other type, itself."""
    if not is_union(annotation):
        return (annotation,)
    return tuple(member for member in get_args(annotation) if member is not type(None))


def item_types(annotation: Any) -> tuple[Any, ...] | None:
    """Type of the items of a list-like type, with ... for any number of them; None for other types."""
    origin = get_origin(annotation) or annotation
    if not isinstance(origin, type) or issubclass(origin, str | bytes):
        return None
    if issubclass(origin, tuple):
        return get_args(annotation) or (Any, ...)
    if issubclass(origin, Sequence | set | frozenset):
        return (*(get_args(annotation) or (Any,)), ...)
    return None


def value_type(annotation: Any) -> Any | None:
    """Type of the values of a ``dict[str, X]``; None for other types."""
    origin = get_origin(annotation) or annotation
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return (*get_args(annotation), Any, Any)[1]
    return None


def component_kind(annotation: Any) -> str | None:
    """The kind of component that a type asks for: ``cost-model`` for the port ``CostModel``; None for other types."""
    package, _, module = getattr(annotation, "__module__", "").rpartition(".")
    is_port = package == "quantsail_framework.ports" and getattr(annotation, "_is_protocol", False)
    return module.replace("_", "-") if is_port else None


def parts_of(annotation: Any) -> Any | None:
    """The port that a type holds: itself, or what its list or table consists of; None when it holds no component."""
    items = item_types(annotation)
    part = items[0] if items is not None else value_type(annotation)
    return next((each for each in (annotation, part) if component_kind(each)), None)


def expected(annotation: Any) -> str:
    """A type in words, after "expects": ``a whole number``, ``a list of text``, ``"keep" or "fail"``."""
    if is_union(annotation):
        return " or ".join(dict.fromkeys(expected(member) for member in members(annotation)))
    if get_origin(annotation) is Literal:
        return quoted(get_args(annotation))
    if annotation in _WORDS:
        return _WORDS[annotation]
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return quoted(member.value for member in annotation)
    if kind := component_kind(annotation):
        return f"a {kind.replace('-', ' ')}"
    items = item_types(annotation)
    if items is None:
        return f"a table of {_plural(value_type(annotation))}" if parts_of(annotation) else "a table"
    if items[-1] is ...:
        return f"a list of {_plural(items[0])}"
    return f"a list of {len(items)}: {', '.join(expected(item) for item in items)}"


def default_of(field: attrs.Attribute[Any]) -> Any:
    """The default value of a field; ``attrs.NOTHING`` when it is required or depends on other fields."""
    default: Any = field.default
    if isinstance(default, attrs.Factory):  # type: ignore[arg-type]
        return attrs.NOTHING if default.takes_self else default.factory()
    return default


def _plural(annotation: Any) -> str:
    text = type_text(annotation)
    return text if annotation in (str, bool, Any) or is_union(annotation) or '"' in text else f"{text}s"


def type_text(annotation: Any) -> str:
    """A type in words, for tables: ``whole number``, ``list of text``."""
    return " or ".join(dict.fromkeys(expected(member).removeprefix("a ") for member in members(annotation)))


def _option(name: str, field: attrs.Attribute[Any]) -> Option:
    default = default_of(field)
    keywords = dict(_keywords(field.validator))
    return Option(
        name=name,
        type_text=type_text(field.type),
        default=None if default is attrs.NOTHING or component_kind(field.type) else plain(default),
        required=field.default is attrs.NOTHING,
        doc=inspect.cleandoc(str(field.metadata.get("doc", ""))),
        limits=_limits_text(keywords),
        keywords=keywords,
        annotation=field.type,
    )


def _keywords(validator: Any) -> typing.Iterator[tuple[str, Any]]:
    """Limits that the validators of attrs hold, as JSON Schema keywords; others have no such form."""
    for part in getattr(validator, "_validators", ()):  # several validators at once
        yield from _keywords(part)
    if hasattr(validator, "validator"):  # optional(...)
        yield from _keywords(validator.validator)
    if getattr(validator, "compare_op", None) in _COMPARISONS:
        if not isinstance(validator.bound, float) or math.isfinite(validator.bound):  # "< inf" goes without saying
            yield _COMPARISONS[validator.compare_op], validator.bound
    elif hasattr(validator, "options"):
        yield "enum", plain(sorted(validator.options) if isinstance(validator.options, set) else validator.options)
    elif hasattr(validator, "pattern"):
        yield "pattern", validator.pattern.pattern
    elif hasattr(validator, "min_length"):
        yield "minLength", validator.min_length
    elif hasattr(validator, "max_length"):
        yield "maxLength", validator.max_length


def _limits_text(keywords: Mapping[str, Any]) -> str:
    signs = {keyword: sign for sign, keyword in _COMPARISONS.items()}
    texts = [f"{signs[keyword]} {bound}" for keyword, bound in keywords.items() if keyword in signs]
    if "enum" in keywords:
        texts.append(f"one of {quoted(keywords['enum'])}")
    if "pattern" in keywords:
        texts.append(f"matches {keywords['pattern']}")
    if "minLength" in keywords:
        texts.append(f"length >= {keywords['minLength']}")
    if "maxLength" in keywords:
        texts.append(f"length <= {keywords['maxLength']}")
    return ", ".join(texts)
