"""The last result of `quantsail plugins check` of each plugin, kept in the user's state folder for `plugins list`.

Each environment has its own: the same release of a plugin may pass in one and fail in another.
"""

from __future__ import annotations

import json
import os
import sys
import zlib
from collections.abc import Iterator
from typing import Any

from quantsail_framework.distributions import origin
from quantsail_framework.plugins import PluginInfo


def keep(plugin: PluginInfo, record: dict[str, Any]) -> None:
    """Write the result in place of the one before, at once or not at all. Raises DataError where it cannot be."""
    from pathlib import Path

    from quantsail_framework.store import files

    file = Path(_file(plugin))
    files.make_folder(file.parent)
    kept = {**record, "origin": origin(plugin.distribution)}
    files.replace(file, lambda draft: draft.write(json.dumps(kept).encode()), durable=False)


def last_check(plugin: PluginInfo) -> dict[str, Any] | None:
    """What was kept, and whether the plugin's code ``changed`` since, or came from elsewhere.

    None when it was never checked in this environment, or the file cannot be read.
    """
    try:
        with open(_file(plugin), encoding="utf-8") as file:
            record, checked = json.load(file), os.fstat(file.fileno()).st_mtime_ns
    except (OSError, ValueError):
        return None
    if not isinstance(record, dict) or not {"version", "at", "failed"} <= record.keys():
        return None
    moved = record.pop("origin", None) != origin(plugin.distribution)
    return {**record, "changed": moved or any(saved > checked for saved in _saved(plugin))}


def in_words(plugin: PluginInfo, record: dict[str, Any] | None) -> str | None:
    """``passed 2026-01-31`` or ``2 failed 2026-01-31``, with the version when another is installed now, and with
    ``before a change`` when its code is newer."""
    if record is None:
        return None
    result = f"{record['failed']} failed" if record["failed"] else "passed"
    older = "before a change" if record.get("changed") else ""
    of = str(record["version"]) if record["version"] != plugin.version else older
    return f"{result} {str(record['at'])[:10]}{f' ({of})' if of else ''}"


def _saved(plugin: PluginInfo) -> Iterator[int]:
    """When each file of its code was saved last, ns UTC. Nothing of it is imported."""
    from importlib.util import find_spec
    from pathlib import Path

    try:
        spec = find_spec(plugin.module.partition(".")[0])
    except (ImportError, ValueError):
        return
    folders = list(spec.submodule_search_locations or ()) if spec else []
    files = [path for folder in folders for path in Path(folder).rglob("*.py")]
    if spec and spec.origin and not folders:
        files = [Path(spec.origin)]
    for file in files:
        if file.is_file():
            yield file.stat().st_mtime_ns


def _file(plugin: PluginInfo) -> str:
    environment = f"{zlib.crc32(sys.prefix.encode()):08x}"  # not hashlib, which loads OpenSSL
    return os.path.join(state_folder(), "checks", environment, f"{plugin.distribution}-{plugin.name}.json")


def state_folder() -> str:
    """What platformdirs says. On Linux without it: with pathlib it would take a seventh of `plugins list` to import."""
    if sys.platform != "linux":
        from platformdirs import user_state_dir

        return user_state_dir("quantsail", appauthor=False)
    home = os.environ.get("XDG_STATE_HOME", "")
    return os.path.join(home if os.path.isabs(home) else os.path.expanduser("~/.local/state"), "quantsail")
