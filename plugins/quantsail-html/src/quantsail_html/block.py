"""The data block of the page: columns as base64 of little-endian numbers, everything else as JSON without ``<``."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def column(values: Array, kind: str) -> dict[str, str]:
    """A column as ``{"type": kind, "data": base64}``; kind is ``f4``, ``f8`` or ``u4``."""
    return {"type": kind, "data": base64.b64encode(values.astype(f"<{kind}").tobytes()).decode()}


def words(values: Array) -> dict[str, Any]:
    """A column of text: its distinct words once, and which of them stands where."""
    known: dict[str, int] = {}
    codes = [known.setdefault("" if value is None else str(value), len(known)) for value in values.tolist()]
    return {"type": "words", "words": list(known), "codes": column(np.array(codes, np.uint32), "u4")}


def to_json(content: Any) -> str:
    """JSON that no HTML parser takes for markup: ``<``, ``>`` and ``&`` are written as escapes."""
    text = json.dumps(plain(content), ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def plain(value: Any) -> Any:
    """As JSON knows it; what is not finite becomes null, floats keep nine digits."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist())
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, float):
        return float(f"{value:.9g}") if math.isfinite(value) else None
    return value
