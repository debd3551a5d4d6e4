"""The candles of a whole series as plain columns in one file that is mapped into memory: a second load costs nothing.

The file has a line of JSON that lists the parts it was made of (padded to a page), then the columns one after the
other. It is used as long as the parts are the same files and the machine has not been started anew; what is in it was
checked when the parts were.
"""

from __future__ import annotations

import json
import mmap
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from quantsail_framework.domain.bars import PRICE_COLUMNS, Bars
from quantsail_framework.errors import DataError
from quantsail_framework.store.files import replace

FILE = "columns.cache"
_COLUMNS = ("time", *PRICE_COLUMNS, "volume")
_PAGE = 4096
_SCHEMA = 1

# Of each part: its name, size, modification time (ns) and inode.
Stamp = Sequence[Any]


def load(folder: Path, series: Bars, stamps: Sequence[Stamp]) -> Bars | None:
    """The cached candles of ``series``, as views of the mapped file; None where there are none of just these parts."""
    try:
        with (folder / FILE).open("rb") as file:
            head = json.loads(file.readline(1_000_000))
            if {key: head[key] for key in ("schema", "boot", "parts")} != _about(stamps):
                return None
            rows, start = int(head["rows"]), int(head["start"])
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if len(data) != start + rows * 8 * len(_COLUMNS):
        return None
    columns = {
        name: np.frombuffer(data, np.int64 if name == "time" else np.float64, rows, start + index * rows * 8)
        for index, name in enumerate(_COLUMNS)
    }
    return series.with_checked(**columns)


def save(folder: Path, pieces: Sequence[Bars], stamps: Sequence[Stamp]) -> None:
    """Cache ``pieces``, one per part. A store that cannot be written goes without."""
    rows = sum(map(len, pieces))
    head: dict[str, Any] = {**_about(stamps), "rows": rows, "start": 0}
    head["start"] = -(-(len(json.dumps(head)) + 32) // _PAGE) * _PAGE

    def write(file: Any) -> None:
        file.write(json.dumps(head).encode().ljust(head["start"] - 1) + b"\n")
        for name in _COLUMNS:
            for piece in pieces:
                file.write(getattr(piece, name).data)

    with suppress(DataError):
        replace(folder / FILE, write, durable=not _boot())


def _about(stamps: Sequence[Stamp]) -> dict[str, Any]:
    """What must be the same for the cache to be good."""
    return {"schema": _SCHEMA, "boot": _boot(), "parts": [list(stamp) for stamp in stamps]}


@cache
def _boot() -> str:
    """Which start of the machine this is: what was not waited for to reach the disk may be lost with it.

    Empty where the system does not tell; the cache is then waited for.
    """
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    except OSError:
        return ""
