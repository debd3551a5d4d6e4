"""What a run was made from, as its manifest tells, flat: so that two runs can be told apart value by value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

# What the inputs beside the pipeline are called, one and many.
KINDS = {"data": "data", "plugin": "plugins", "library": "libraries", "local file": "local files"}


def inputs(manifest: Mapping[str, Any]) -> dict[str, Mapping[str, str]]:
    """By the keys of KINDS: SHA-256 of each series, versions of plugins and libraries, SHA-256 of local files."""
    return {
        "data": dict(_series(manifest)),
        "plugin": manifest.get("plugins", {}),
        "library": manifest.get("versions", {}),
        "local file": manifest.get("code", {}),
    }


def pipeline_values(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """The resolved pipeline by dotted path, as ``--set`` names its values."""
    return dict(flat(manifest.get("pipeline", {})))


def flat(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """(dotted path, value) of everything in nested tables; of a list of tables each by its component or market."""
    from quantsail_framework.config import item_names

    if isinstance(value, list) and value and all(isinstance(item, Mapping) for item in value):
        names = [item.get("use") or item.get("symbol") or number for number, item in enumerate(value)]
        value = dict(zip(item_names(names), value, strict=True))
    if not isinstance(value, Mapping) or not value:
        yield path, value
        return
    for name, item in value.items():
        yield from flat(item, f"{path}.{name}" if path else str(name))


def _series(manifest: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """``BTC/USDT`` of the run's own candles, ``BTC/USDT@4h`` of informative ones."""
    for table in ("symbols", "informative"):
        for series in manifest.get(table) or ():
            if isinstance(series, Mapping) and "sha256" in series:
                at = f"@{series['timeframe']}" if table == "informative" else ""
                yield f"{series.get('symbol')}{at}", str(series["sha256"])
