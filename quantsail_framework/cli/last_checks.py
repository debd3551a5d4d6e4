"""The last result of `quantsail plugins check` of each plugin, kept in the user's state folder for `plugins list`."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any

from quantsail_framework.plugins import PluginInfo


def keep(plugin: PluginInfo, record: dict[str, Any]) -> None:
    """Write the result in place of the one before, at once or not at all. Raises OSError."""
    file = _file(plugin)
    file.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as draft:
            json.dump(record, draft)
        Path(name).replace(file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def last_check(plugin: PluginInfo) -> dict[str, Any] | None:
    """What was kept; None when it was never checked or the file cannot be read."""
    try:
        record = json.loads(_file(plugin).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return record if isinstance(record, dict) and {"version", "at", "failed"} <= record.keys() else None


def in_words(plugin: PluginInfo, record: dict[str, Any] | None) -> str | None:
    """``passed 2026-01-31`` or ``2 failed 2026-01-31``, with the version when another is installed now."""
    if record is None:
        return None
    result = f"{record['failed']} failed" if record["failed"] else "passed"
    of = f" ({record['version']})" if record["version"] != plugin.version else ""
    return f"{result} {str(record['at'])[:10]}{of}"


def _file(plugin: PluginInfo) -> Path:
    from platformdirs import user_state_path

    return user_state_path("quantsail", appauthor=False) / "checks" / f"{plugin.distribution}-{plugin.name}.json"
