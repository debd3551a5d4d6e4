"""The options that several of these cost models have."""

from __future__ import annotations

from typing import Any

import attrs
from attrs.validators import ge, lt

BPS = 1e-4


def bps(default: float, doc: str) -> Any:
    """An option in basis points, from 0 to below the whole notional."""
    return attrs.field(default=default, validator=[ge(0.0), lt(10_000.0)], metadata={"doc": doc})
