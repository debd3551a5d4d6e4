"""Any option value as a plain, JSON-able one: what `show` prints and the manifest keeps."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from enum import Enum
from pathlib import PurePath
from typing import Any

import attrs

from quantsail_framework.config.local import ClassReference
from quantsail_framework.config.secrets import Secret
from quantsail_framework.domain.timeframe import Timeframe


def plain(value: Any) -> Any:
    """The value itself when TOML has its type, else the text, list or table that it would be given as.

    A secret becomes the place where it is kept. Never holds a memory address, so equal pipelines
    give equal text.
    """
    if value is None or (isinstance(value, bool | int | float | str) and not isinstance(value, Enum)):
        return value
    if isinstance(value, dt.datetime):
        return _utc_text(value)
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    if isinstance(value, Enum):
        return plain(value.value)
    if isinstance(value, PurePath):
        return value.as_posix()
    if isinstance(value, Timeframe | ClassReference):
        return value.text
    return _plain_collection(value)


def _plain_collection(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): plain(item) for name, item in value.items()}
    if isinstance(value, set | frozenset):
        return sorted((plain(item) for item in value), key=str)
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, Secret):
        return {"env": value.env} if value.file is None else {"file": value.file.as_posix()}
    if attrs.has(type(value)):
        fields = [field for field in attrs.fields(type(value)) if field.init]
        return {field.alias or field.name: plain(getattr(value, field.name)) for field in fields}
    return f"{type(value).__module__}.{type(value).__qualname__}"


def _utc_text(value: dt.datetime) -> str:
    if value.tzinfo is None:
        return value.isoformat()
    return value.astimezone(dt.UTC).isoformat().replace("+00:00", "Z")
