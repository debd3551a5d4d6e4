"""How a study travels to another process: by value, with its candles as plain buffers that can be mapped.

cloudpickle takes classes of local files along by value, so that a worker need not have the file. Only what this
process itself packed is ever unpacked.
"""

from __future__ import annotations

import json
import mmap
import pickle
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from quantsail_framework.config.local import LOCAL_MODULE

_PAGE = 4096


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


def save(path: Path, value: Any) -> None:
    """Write ``value``; its arrays lie behind the pickle, each at the start of a page."""
    import cloudpickle

    buffers: list[pickle.PickleBuffer] = []
    with local_classes_by_value():
        body = cloudpickle.dumps(value, protocol=5, buffer_callback=buffers.append)
    sizes = [buffer.raw().nbytes for buffer in buffers]
    head = json.dumps([len(body), *sizes]).encode() + b"\n"
    with path.open("wb") as file:
        for part in (head, body, *(buffer.raw() for buffer in buffers)):
            file.write(part)
            file.write(b"\0" * (-file.tell() % _PAGE))


def load(path: Path) -> Any:
    """What was saved at ``path`` by this user's own process; its arrays are views of the mapped file."""
    with path.open("rb") as file:
        sizes: list[int] = json.loads(file.readline())
        at = -(-file.tell() // _PAGE) * _PAGE
        view = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    parts = []
    for size in sizes:
        parts.append(view[at : at + size])
        at += -(-size // _PAGE) * _PAGE
    return pickle.loads(parts[0], buffers=parts[1:])  # noqa: S301 - see above
