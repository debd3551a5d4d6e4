"""Options that hold components, given as a pipeline file gives them: tables with a ``use`` each."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from quantsail_framework.config import build
from quantsail_framework.config.options import component_kind, option_fields, parts_of
from quantsail_framework.plugins import Registry, load_registry


def with_parts(cls: type[Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """The options of ``cls``, in which tables that stand for components are made into those of installed plugins."""
    ports = {name: parts_of(field.type) for name, field in option_fields(cls).items()}
    return {name: _made(ports[name], value) if ports.get(name) else value for name, value in values.items()}


def _made(port: Any, value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_made(port, item) for item in value]
    if not isinstance(value, Mapping):
        return value
    if "use" not in value:
        return {name: _made(port, item) for name, item in value.items()}
    cls = _installed().load(component_kind(port) or "", value["use"])
    options = {name: option for name, option in value.items() if name != "use"}
    return build(cls, with_parts(cls, options), f"use = {value['use']!r}")


@cache
def _installed() -> Registry:
    return load_registry()
