"""How a study travels to another process: by value, with its candles as plain buffers that can be mapped.

cloudpickle takes classes of local files along by value, so that a worker need not have the file. Only what this
process itself packed is ever unpacked, or, on a cluster, what came from the process that gives it its work.
"""

from __future__ import annotations

import json
import mmap
import pickle
import platform
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from quantsail_framework.component import LOCAL_MODULE
from quantsail_framework.errors import RunError
from quantsail_framework.installed import announced, version

_PAGE = 4096
_REMEDY = "install there what is installed where the search was started"


@contextmanager
def local_classes_by_value() -> Iterator[None]:
    """Inside, cloudpickle takes along the code of local files (``use = "my.py:MyStrategy"``)."""
    import cloudpickle

    modules = [module for name, module in sys.modules.items() if name.startswith(LOCAL_MODULE)]
    for module in modules:
        cloudpickle.register_pickle_by_value(module)
    try:
        yield
    finally:
        for module in modules:
            cloudpickle.unregister_pickle_by_value(module)


def pack(value: Any) -> list[memoryview]:
    """The pickle of ``value``, and the columns of its arrays as they lie in memory, not copied."""
    import cloudpickle

    buffers: list[pickle.PickleBuffer] = []
    with local_classes_by_value():
        body = cloudpickle.dumps(value, protocol=5, buffer_callback=buffers.append)
    return [memoryview(body), *(buffer.raw() for buffer in buffers)]


def by_value(value: Any) -> bytes:
    """``value`` as one pickle, in which classes of a script, too, are taken along."""
    import cloudpickle

    with local_classes_by_value():
        packed: bytes = cloudpickle.dumps(value)
    return packed


def readable(error: Exception, packed: Callable[[Exception], bytes]) -> Exception:
    """The error, or its words where it cannot travel as ``packed``: some can be packed and not unpacked."""
    try:
        pickle.loads(packed(error))  # noqa: S301 - this process's own
    except Exception:  # noqa: BLE001 - whatever its class does
        told = RunError(f"{type(error).__name__}: {error}")
        for note in getattr(error, "__notes__", ()):
            told.add_note(note)
        return told
    return error


def unpack(parts: Sequence[Any]) -> Any:
    """What was packed; its arrays are views of ``parts``. Raises RunError where a module that it needs is missing."""
    try:
        return pickle.loads(parts[0], buffers=parts[1:])  # noqa: S301 - see above
    except ModuleNotFoundError as missing:
        raise RunError(_lacks(missing)) from missing


def save(path: Path, value: Any) -> None:
    """Write ``value``, packed, each part at the start of a page."""
    parts = pack(value)
    head = json.dumps([part.nbytes for part in parts]).encode() + b"\n"
    with path.open("wb") as file:
        for part in (memoryview(head), *parts):
            file.write(part)
            file.write(b"\0" * (-file.tell() % _PAGE))


def load(path: Path) -> Any:
    """What was saved at ``path``; its arrays are views of the mapped file."""
    with path.open("rb") as file:
        sizes: list[int] = json.loads(file.readline())
        at = -(-file.tell() // _PAGE) * _PAGE
        view = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    parts = []
    for size in sizes:
        parts.append(view[at : at + size])
        at += -(-size // _PAGE) * _PAGE
    return unpack(parts)


def versions() -> dict[str, str]:
    """The versions here of what a result depends on: Python, NumPy, TA-Lib, the core and every plugin."""
    found = {"Python": ".".join(platform.python_version_tuple()[:2])}
    for name in ("numpy", "ta-lib", "quantsail-framework"):
        release = version(name)
        if release is not None:
            found[name] = release
    return found | dict(plugin.owner.names() for plugin in announced("quantsail"))


def check_versions(theirs: Mapping[str, str]) -> None:
    """Raise RunError where this process has another version of something than whoever sent ``theirs``.

    What is installed on one side only is left out: a study that needs it cannot be unpacked without it.
    """
    own = versions()
    others = [
        f"{name} {own[name]} instead of {theirs[name]}"
        for name in sorted(own.keys() & theirs.keys())
        if own[name] != theirs[name]
    ]
    if others:
        raise RunError(f"a worker on {platform.node()} has {', '.join(others)}: {_REMEDY}")


def _lacks(missing: ModuleNotFoundError) -> str:
    """What to tell of a worker that has no such module."""
    return f"a worker on {platform.node()} has no module {missing.name}: {_REMEDY}"
